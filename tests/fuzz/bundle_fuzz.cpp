// The signature's reader, which reads untrusted bytes: only the one valid bundle is accepted.
#include "base/check.hpp"
#include "package/signing.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const package::Trust trust = [] {
    // RFC 8032 section 7.1, test 2.
    package::Secret pem(
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
        "-----END PRIVATE KEY-----\n");
    auto key = package::PrivateKey::parse(pem, "fuzz", [] { return package::Secret(); });
    MODELCTL_CHECK(key.has_value(), "the key is not read");
    return package::Trust({{"fuzz", key->public_key()}});
  }();
  auto signer = package::verify_bundle(package::manifest_subject, "{}", as_text(std::as_bytes(std::span(data, size))), trust);
  MODELCTL_CHECK(signer || signer.error().kind == Kind::untrusted, "a bundle is refused as something else");
  return 0;
}
