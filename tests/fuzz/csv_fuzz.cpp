// A CSV table, with and without a type and shape to read it as.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  const formats::Expected expected[] = {{"x", DType::f32, Dims{-1, 1, 2}}};
  test::read_and_write_back(".csv", data, size);
  test::read_and_write_back(".csv", data, size, expected);
  return 0;
}
