// A .npy file, with and without an expected type to explain raw bytes: one of a byte or more, and one that is packed.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  test::read_and_write_back(".npy", data, size);
  for (DType type : {DType::bf16, DType::i4}) {
    const formats::Expected expected[] = {{"x", type, Dims{-1}}};
    test::read_and_write_back(".npy", data, size, expected);
  }
  return 0;
}
