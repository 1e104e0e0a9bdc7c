// The manifest's reader: what it accepts has exactly one representation.
#include "base/check.hpp"
#include "package/manifest.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto manifest = package::Manifest::read(text)) {
    MODELCTL_CHECK(manifest->write() == text, "a manifest is written differently than it was read");
  }
  return 0;
}
