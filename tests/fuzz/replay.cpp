// Runs a fuzz target on every file of the given folders and on the empty input, so that old findings stay fixed.
#include "base/files.hpp"

#include <cstdio>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::size_t count = 0;
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (int i = 1; i < argc; ++i) {
    std::error_code code;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i], code)) {
      if (!entry.is_regular_file()) continue;
      auto bytes = modelctl::read_file(entry.path());
      if (!bytes) return std::fprintf(stderr, "%s\n", bytes.error().what.c_str()), 1;
      // Not from `bytes` itself, whose capacity would hide a read past the end from the address sanitizer.
      std::vector<std::uint8_t> exact(bytes->size());
      if (!exact.empty()) std::memcpy(exact.data(), bytes->data(), exact.size());
      LLVMFuzzerTestOneInput(exact.data(), exact.size());
      ++count;
    }
  }
  std::printf("%zu inputs replayed\n", count);
  return 0;
}
