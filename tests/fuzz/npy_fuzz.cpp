// A .npy file, with and without an expected type to explain raw bytes.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  const formats::Expected expected[] = {{"x", DType::bf16, Dims{-1}}};
  test::read_and_write_back(".npy", data, size);
  test::read_and_write_back(".npy", data, size, expected);
  return 0;
}
