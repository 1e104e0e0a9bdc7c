// A .npz archive, as linked programs read it: with cli/runner/zip.cpp.
#include "tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  modelctl::test::read_and_write_back(".npz", data, size);
  return 0;
}
