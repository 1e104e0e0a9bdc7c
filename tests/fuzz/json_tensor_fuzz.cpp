// Tensors as JSON, with and without a type to read them as.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  const formats::Expected expected[] = {{"x", DType::f16, Dims{-1}}};
  test::read_and_write_back(".json", data, size);
  test::read_and_write_back(".json", data, size, expected);
  return 0;
}
