// Builds the bundle, and verifies one by building it again from its parts and comparing the bytes.
#include "package/signing.hpp"

#include "base/json.hpp"

#include <fmt/core.h>

namespace modelctl::package {
namespace {

// in-toto Statement v1 (in-toto attestation framework, "Statement layer"). The predicate is empty: all that is claimed
// is in the document, which the subject's digest covers.
std::string statement(const Subject& subject, std::string_view document) {
  Json named = {{"name", subject.path}, {"digest", {{"sha256", Sha256::of(as_bytes(document)).hex()}}}};
  Json statement = {{"_type", "https://in-toto.io/Statement/v1"},
                    {"subject", Json::array({std::move(named)})},
                    {"predicateType", subject.predicate_type},
                    {"predicate", Json::object()}};
  return canonical_json(statement);
}

// The one spelling of a bundle, padded to the length that the algorithm's longest signature needs: where the payload
// begins must not depend on the signature's value.
std::string write_bundle(std::string_view payload, ByteSpan signature, const Digest& fingerprint, Algorithm algorithm) {
  auto spell = [&](ByteSpan bytes) {
    Json one = {{"sig", to_base64(bytes)}, {"keyid", ""}};
    Json key = {{"hint", to_base64(std::as_bytes(std::span(fingerprint.bytes)))}};
    Json document = {{"mediaType", bundle_media_type},
                     {"verificationMaterial", {{"publicKey", std::move(key)}, {"tlogEntries", Json::array()}}},
                     {"dsseEnvelope",
                      {{"payload", to_base64(as_bytes(payload))},
                       {"payloadType", statement_type},
                       {"signatures", Json::array({std::move(one)})}}}};
    return canonical_json(document);
  };
  std::string bundle = spell(signature);
  std::size_t size = spell(std::vector<std::byte>(longest_signature(algorithm))).size();
  bundle.resize(std::max(size, bundle.size()), ' ');
  return bundle;
}

Error bad_signature(const Subject& subject, std::string reason) {
  return Error(Kind::untrusted, "bad-signature",
               fmt::format("cannot trust the {}: its signature is not valid", subject.whole))
      .at(std::string(subject.bundle_path))
      .because(std::move(reason));
}

struct Envelope {
  Digest hint;
  std::string payload;
  std::vector<std::byte> signature;
};

// Only what is needed: everything else is compared as a whole with how we would have written it.
Result<Envelope> read_envelope(const Subject& subject, std::string_view bundle) {
  std::string_view path = subject.bundle_path;
  if (bundle.size() > bundle_limit)
    return bad_signature(subject, fmt::format("it has more than {} bytes", bundle_limit));
  Json document = TRY(parse_json(bundle, path));
  std::string media_type = TRY(json_string(document, "mediaType", path));
  if (media_type != bundle_media_type) {
    return bad_signature(
        subject, fmt::format("its media type is '{}' and not '{}'", media_type.substr(0, 100), bundle_media_type));
  }
  const Json& material = *TRY(json_object(document, "verificationMaterial", path));
  const Json& key = *TRY(json_object(material, "publicKey", path));
  std::string hint = TRY(json_string(key, "hint", path));
  const Json& envelope = *TRY(json_object(document, "dsseEnvelope", path));
  const Json& signatures = *TRY(json_array(envelope, "signatures", path));
  if (signatures.size() != 1)
    return bad_signature(subject, fmt::format("it holds {} signatures and not one", signatures.size()));
  Envelope read;
  std::vector<std::byte> fingerprint = TRY(from_base64(hint));
  if (fingerprint.size() != read.hint.bytes.size())
    return bad_signature(subject, "its key hint is not a SHA-256 digest");
  std::memcpy(read.hint.bytes.data(), fingerprint.data(), fingerprint.size());
  read.payload = as_text(TRY(from_base64(TRY(json_string(envelope, "payload", path)))));
  read.signature = TRY(from_base64(TRY(json_string(signatures[0], "sig", path))));
  return read;
}

// The list of trusted keys is cut: a trust file may name a thousand.
Error wrong_key(const Subject& subject, const Digest& hint, const Trust& trust) {
  std::string trusted;
  for (const TrustedKey& key : trust.keys()) {
    if (trusted.size() > 2000) break;
    trusted += fmt::format("{}'{}' ({})", trusted.empty() ? "" : ", ", key.name, key.key.fingerprint().text());
  }
  return Error(Kind::untrusted, "wrong-key",
               fmt::format("cannot trust the {}: it is signed with another key", subject.whole))
      .at(std::string(subject.bundle_path))
      .because(fmt::format("it is signed with the key {}, and you trust {}", hint.text(),
                           trusted.empty() ? "none" : trusted));
}

}  // namespace

// DSSE protocol, "Signature Definition". The lengths make the encoding unambiguous: no other pair of type and body
// gives the same bytes.
std::string pre_authentication(std::string_view type, std::string_view body) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, body.size(), body);
}

Result<std::string> sign(const Subject& subject, std::string_view document, const PrivateKey& key) {
  std::string payload = statement(subject, document);
  std::string message = pre_authentication(statement_type, payload);
  std::vector<std::byte> signature = TRY(key.sign(as_bytes(message)));
  return write_bundle(payload, signature, key.public_key().fingerprint(), key.algorithm());
}

std::size_t bundle_size(Algorithm algorithm) {
  return write_bundle(statement(manifest_subject, ""), {}, Digest{}, algorithm).size();
}

Result<Signer> verify_bundle(const Subject& subject, std::string_view document, std::string_view bundle,
                             const Trust& trust) {
  auto envelope = read_envelope(subject, bundle);
  if (!envelope && envelope.error().kind == Kind::untrusted) return std::move(envelope).error();
  if (!envelope) {
    const Error& fault = envelope.error();
    return bad_signature(subject, fault.what + (fault.why.empty() ? "" : ": " + fault.why.front()));
  }
  // The hint only selects the key, and proves nothing: a wrong one selects a key under which the signature is not
  // valid.
  const TrustedKey* trusted = trust.find(envelope->hint);
  if (!trusted) return wrong_key(subject, envelope->hint, trust);
  std::string message = pre_authentication(statement_type, envelope->payload);
  // Apart from validity, so that the message can tell a package of an earlier release from an altered one.
  if (!trusted->key.is_canonical(envelope->signature)) {
    return bad_signature(subject,
                         "its ECDSA signature is not in the one form that is accepted: DER, with s at most n/2")
        .help("if an earlier release of modelctl made the package: pack it again");
  }
  if (!trusted->key.verifies(as_bytes(message), envelope->signature)) {
    return bad_signature(subject, fmt::format("it was not made with the key '{}', or it was altered", trusted->name));
  }
  // Valid is not enough: it must be the signature of this document.
  if (envelope->payload != statement(subject, document)) {
    return Error(Kind::untrusted, "altered",
                 fmt::format("cannot trust the {}: its {} is not the one that was signed", subject.whole,
                             subject.content))
        .at(std::string(subject.path))
        .because(fmt::format("its digest is {}", Sha256::of(as_bytes(document)).text()));
  }
  // What was not looked at so far (other members, white space, base64 with other padding) must be as signing writes it.
  Algorithm algorithm = trusted->key.algorithm();
  if (write_bundle(envelope->payload, envelope->signature, envelope->hint, algorithm) != bundle) {
    return bad_signature(subject, "its file is not in canonical form");
  }
  return Signer{trusted->name, envelope->hint, algorithm};
}

Result<SignedManifest> open_signed(std::string_view manifest, std::string_view bundle, const Trust& trust) {
  Signer signer = TRY(verify_bundle(manifest_subject, manifest, bundle, trust));
  auto read = Manifest::read(manifest);
  if (!read) {
    // A signature over nonsense makes it no better: who signs a manifest that leaves the folder is not to be trusted.
    Error error = std::move(read).error();
    if (error.kind == Kind::bad_input) error.kind = Kind::untrusted;
    return error;
  }
  return SignedManifest{std::move(*read), std::string(manifest), std::string(bundle), Sha256::of(as_bytes(manifest)),
                        std::move(signer)};
}

}  // namespace modelctl::package
