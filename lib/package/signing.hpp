// The signature over a manifest: a Sigstore bundle v0.3 that holds a DSSE envelope around an in-toto statement v1 whose
// subject is manifest.json. Like the manifest it has one spelling only, so no byte of it can be changed unseen.
#pragma once

#include "package/manifest.hpp"
#include "package/trust.hpp"

namespace modelctl::package {

inline constexpr std::string_view bundle_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
inline constexpr std::string_view statement_type = "application/vnd.in-toto+json";
inline constexpr std::string_view predicate_type = "https://modelctl.dev/package/v1";

// The bytes of manifest.sigstore.json for these of manifest.json.
Result<std::string> sign_manifest(std::string_view manifest, const PrivateKey& key);
// Their number, known before there is anything to sign: the bundle is padded with spaces to its longest.
std::size_t bundle_size(Algorithm algorithm);

struct Signer {
  std::string name;  // as the trust file or the key's path has it
  Digest fingerprint;
  Algorithm algorithm = Algorithm::ecdsa_p256;
};
// Who signed it; untrusted if that is nobody whom `trust` names, or anything in the bundle is not as signing writes it.
Result<Signer> verify_bundle(std::string_view manifest, std::string_view bundle, const Trust& trust);

// A manifest whose signature was checked: the only way to get one is open_signed.
struct SignedManifest {
  Manifest manifest;
  std::string text, bundle;  // the bytes of both documents
  Digest digest;             // of text: the package's digest
  Signer signer;
};
// First the signature over the bytes, then what they say: no parser of the manifest sees bytes that nobody trusted has
// signed. Every refusal is untrusted, or unsupported for a newer format.
Result<SignedManifest> open_signed(std::string_view manifest, std::string_view bundle, const Trust& trust);

// DSSE's pre-authentication encoding: what is signed.
std::string pre_authentication(std::string_view type, std::string_view body);

}  // namespace modelctl::package
