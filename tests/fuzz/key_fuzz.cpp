// The readers of keys, public and private.
#include "package/keys.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("ENCRYPTED") != text.npos) return 0;  // a key derivation takes as long as its parameters say
  (void)package::PublicKey::parse(text, "input");
  (void)package::PrivateKey::parse(package::Secret(text), "input", [] { return package::Secret("secret"); });
  return 0;
}
