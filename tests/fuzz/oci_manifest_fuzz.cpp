// An OCI manifest from a registry, and a reference from a user.
#include "transport/oci_package.hpp"
#include "transport/reference.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto manifest = transport::read_oci_manifest(text, "fuzz")) {
    if (manifest->documents[0].size > package::manifest_limit) __builtin_trap();
  }
  if (auto name = transport::parse_name(text)) {
    auto again = transport::parse_name(name->text());
    if (!again || again->text() != name->text() || name->repository.find("..") != std::string::npos) __builtin_trap();
  }
  return 0;
}
