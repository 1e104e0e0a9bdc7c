// The kind of any file, and the sentence about it.
#include "base/check.hpp"
#include "kinds/file_kind.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  kinds::Evidence file = kinds::evidence_of(as_text(std::as_bytes(std::span(data, size))));
  const kinds::FileKind* kind = kinds::recognize(file);
  if (kind == nullptr) return 0;
  MODELCTL_CHECK(!kind->name.empty(), "a kind has a name");
  MODELCTL_CHECK(kinds::forward(*kind, "fuzz").find("{file}") == std::string::npos, "the way forward is filled in");
  return 0;
}
