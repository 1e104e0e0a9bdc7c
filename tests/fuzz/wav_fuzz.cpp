// A .wav file, for inputs of several types and ranks.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  test::read_and_write_back(".wav", data, size);
  for (DType type : {DType::f32, DType::f16, DType::i16, DType::u8}) {
    for (const Dims& dims : {Dims{-1}, Dims{-1, -1}, Dims{-1, 2, -1}, Dims{-1, -1, 1}}) {
      const formats::Expected expected[] = {{"x", type, dims}};
      test::read_and_write_back(".wav", data, size, expected);
    }
  }
  return 0;
}
