// The archive's reader: what it accepts is exactly what the writer would have written.
#include "base/check.hpp"
#include "package/package.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteSpan archive = std::as_bytes(std::span(data, size));
  auto opened = package::Package::over(archive, nullptr, "input");
  if (!opened) return 0;
  package::Layout layout = opened->layout();
  std::string rebuilt = layout.head(opened->manifest_text(), opened->bundle_text());
  for (std::size_t i = 0; i < opened->manifest().entries.size(); ++i) {
    rebuilt += layout.header(layout.slots()[i + 2]);
    rebuilt += as_text(opened->content(i));
    rebuilt.resize(layout.slots()[i + 2].end, '\0');
  }
  rebuilt.resize(layout.size(), '\0');
  MODELCTL_CHECK(as_text(archive) == rebuilt, "an archive was accepted that we would not have written");
  return 0;
}
