// The signature over a document, such as a package's manifest: a Sigstore bundle v0.3 that holds a DSSE envelope around
// an in-toto statement v1 whose subject is the document. It has one spelling only, so no byte of it can be changed
// unseen.
#pragma once

#include "package/manifest.hpp"
#include "package/trust.hpp"

namespace modelctl::package {

inline constexpr std::string_view bundle_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
inline constexpr std::string_view statement_type = "application/vnd.in-toto+json";

// What is signed. Its name and predicate type are signed too, so that a signature over one subject is none over
// another.
struct Subject {
  std::string_view whole;    // what the document stands for, in messages
  std::string_view content;  // what the document is, in messages
  std::string_view path;     // the document
  std::string_view bundle_path;
  std::string_view predicate_type;
};
inline constexpr Subject manifest_subject = {"package", "manifest", manifest_path, bundle_path,
                                             "https://modelctl.dev/package/v1"};

// The bytes of the bundle for these of the document.
Result<std::string> sign(const Subject& subject, std::string_view document, const PrivateKey& key);
// Their number for a manifest, known before there is one: the bundle is padded with spaces to its longest.
std::size_t bundle_size(Algorithm algorithm);

struct Signer {
  std::string name;  // as the trust file or the key's path has it
  Digest fingerprint;
  Algorithm algorithm = Algorithm::ecdsa_p256;
};
// Who signed it; untrusted if that is nobody whom `trust` names, or anything in the bundle is not as signing writes it.
Result<Signer> verify_bundle(const Subject& subject, std::string_view document, std::string_view bundle,
                             const Trust& trust);

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
