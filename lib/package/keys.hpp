// Signing keys: ECDSA P-256 with SHA-256 (the default, which every verifier of Sigstore bundles accepts) and Ed25519.
#pragma once

#include "base/digest.hpp"
#include "package/secret.hpp"

#include <filesystem>
#include <functional>
#include <memory>

struct evp_pkey_st;

namespace modelctl::package {

enum class Algorithm : std::uint8_t { ecdsa_p256, ed25519 };
std::string_view name(Algorithm algorithm);  // "ecdsa-p256", "ed25519"
// The bytes of the longest signature. ECDSA: DER of r < n in 33 bytes and s <= n/2 in 32.
constexpr std::size_t longest_signature(Algorithm algorithm) { return algorithm == Algorithm::ed25519 ? 64 : 71; }

class PublicKey {
 public:
  // A PEM SubjectPublicKeyInfo. `where` names it in errors: bad_input (code bad-key) for what is not a public key,
  // unsupported for a key of another type or curve.
  static Result<PublicKey> parse(std::string_view pem, std::string_view where);
  static Result<PublicKey> read(const std::filesystem::path& path);

  Algorithm algorithm() const { return algorithm_; }
  std::string pem() const;
  Digest fingerprint() const;  // SHA-256 of the DER SubjectPublicKeyInfo
  // Whether the signature is valid for the message, and in the one form that is accepted.
  bool verifies(ByteSpan message, ByteSpan signature) const;
  // Whether the signature is in that form, valid or not. An ECDSA signature has a second valid form that anybody can
  // compute from the first (s replaced by n - s); Ed25519 has one form only, which OpenSSL checks.
  bool is_canonical(ByteSpan signature) const;

 private:
  friend class PrivateKey;
  PublicKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}
  std::shared_ptr<evp_pkey_st> key_;
  Algorithm algorithm_;
};

class PrivateKey {
 public:
  static Result<PrivateKey> generate(Algorithm algorithm);

  // Asked for once, and only if the key is encrypted.
  using AskPassphrase = std::function<Result<Secret>()>;
  // PEM: PKCS#8, encrypted or plain, or SEC 1. Fails as PublicKey::parse(), and with denied, code wrong-passphrase.
  // Neither the content nor the passphrase enters a message.
  static Result<PrivateKey> parse(const Secret& pem, std::string_view where, const AskPassphrase& ask);
  static Result<PrivateKey> read(const std::filesystem::path& path, const AskPassphrase& ask);

  // PEM PKCS#8, encrypted (PBES2 with scrypt N=2^14 r=8 p=5 and AES-256-CBC) unless the passphrase is empty.
  Result<Secret> pem(const Secret& passphrase) const;
  Algorithm algorithm() const { return public_.algorithm(); }
  const PublicKey& public_key() const { return public_; }

  // The same message gives the same signature: Ed25519 is so by nature, ECDSA by the nonce of RFC 6979. The signature
  // was verified with the public key before it is returned.
  Result<std::vector<std::byte>> sign(ByteSpan message) const;

 private:
  explicit PrivateKey(PublicKey key) : public_(std::move(key)) { forbid_core_dumps(); }
  PublicKey public_;  // OpenSSL's object holds both halves
};

}  // namespace modelctl::package
