// Reading and writing keys through OpenSSL. Anything that OpenSSL reads but that is not one of the two supported kinds
// of keys is refused.
#include "package/keys.hpp"

#include "base/check.hpp"
#include "base/files.hpp"
#include "package/ecdsa_internal.hpp"

#include <fmt/core.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>

namespace modelctl::package {
namespace {

// A PEM key has less than 1 KiB; more is a wrong file, which is refused before OpenSSL sees it.
constexpr std::uint64_t pem_limit = 64u << 10;

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(PKCS8_PRIV_KEY_INFO* key) const { PKCS8_PRIV_KEY_INFO_free(key); }
  void operator()(X509_SIG* key) const { X509_SIG_free(key); }
  void operator()(X509_ALGOR* algorithm) const { X509_ALGOR_free(algorithm); }
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// OpenSSL's own words for what went wrong, the newest first; its queue is emptied.
std::string openssl_reason() {
  std::string reason = "OpenSSL gives no reason";
  if (unsigned long code = ERR_peek_last_error()) {
    if (const char* text = ERR_reason_error_string(code)) reason = text;
  }
  ERR_clear_error();
  return reason;
}

Error bad_key(std::string_view where, std::string reason) {
  return Error(Kind::bad_input, "bad-key", fmt::format("cannot use the key '{}'", where))
      .at(std::string(where))
      .because(std::move(reason));
}

Result<Algorithm> algorithm_of(EVP_PKEY* key, std::string_view where) {
  if (EVP_PKEY_is_a(key, "ED25519")) return Algorithm::ed25519;
  std::array<char, 64> group{};
  if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
      std::string_view(group.data()) == "prime256v1") {
    return Algorithm::ecdsa_p256;
  }
  const char* type = EVP_PKEY_get0_type_name(key);
  return Error(Kind::unsupported, "unsupported-key", fmt::format("cannot use the key '{}'", where))
      .at(std::string(where))
      .because(fmt::format("it is an {} {} key; ECDSA P-256 and Ed25519 are supported", type ? type : "unknown",
                           group.data()))
      .help("modelctl key generate -o PREFIX");
}

std::string take_text(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// OpenSSL reads points that are not on the curve's group, such as the one at infinity, and a private key with the
// public key of another: the first cannot be written again, and what the second signs nobody can verify.
Result<void> check_sound(EVP_PKEY* key, bool is_private, std::string_view where) {
  Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  bool good = context && EVP_PKEY_public_check(context.get()) == 1 &&
              (!is_private || EVP_PKEY_pairwise_check(context.get()) == 1);
  if (good) return {};
  return bad_key(where, "it is not a valid key: " + openssl_reason());
}

// Without a callback OpenSSL would ask on the terminal by itself, past the reporter.
int refuse_passphrase(char*, int, int, void*) { return -1; }

// A passphrase that does not fit OpenSSL's buffer (1024 bytes) is refused: one that was cut would protect less than its
// owner believes. 0 would mean an empty passphrase, -1 is a failure.
int give_passphrase(char* buffer, int size, int, void* given) {
  std::string_view passphrase = static_cast<const Secret*>(given)->reveal();
  if (passphrase.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(passphrase.begin(), passphrase.end(), buffer);
  return static_cast<int>(passphrase.size());
}

// PBES2 with scrypt at N=2^14, r=8, p=5: OWASP's equal of N=2^17, p=1 in the 16 MiB that any OpenSSL is ready to spend.
// Salt and initialization vector are not given, so OpenSSL draws them at random: equal passphrases give different
// files.
Owned<X509_SIG> encrypt(PKCS8_PRIV_KEY_INFO* key, std::string_view passphrase) {
  Owned<X509_ALGOR> algorithm(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 16, nullptr, 1u << 14, 8, 5));
  if (!algorithm) return nullptr;
  Owned<X509_SIG> sealed(PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), key, algorithm.get()));
  if (sealed) algorithm.release();  // it is part of the result now
  return sealed;
}

}  // namespace

std::string_view name(Algorithm algorithm) { return algorithm == Algorithm::ed25519 ? "ed25519" : "ecdsa-p256"; }

// A private key contains the public one, but is refused: where a public key is wanted, a private one is in the wrong
// place.
Result<PublicKey> PublicKey::parse(std::string_view pem, std::string_view where) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return bad_key(where, "it is a private key, but the public one is needed").help("name the file that ends in .pub");
  }
  if (pem.find("PUBLIC KEY-----") == std::string_view::npos) return bad_key(where, "it is not a PEM public key");
  Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), pem_limit))));
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, refuse_passphrase, nullptr), EVP_PKEY_free);
  if (!key) return bad_key(where, "it is not a PEM public key: " + openssl_reason());
  Algorithm algorithm = TRY(algorithm_of(key.get(), where));
  TRY(check_sound(key.get(), false, where));
  return PublicKey(std::move(key), algorithm);
}

Result<PublicKey> PublicKey::read(const std::filesystem::path& path) {
  return parse(TRY(read_text_file(path, pem_limit)), path.string());
}

std::string PublicKey::pem() const {
  Owned<BIO> bio(BIO_new(BIO_s_mem()));
  MODELCTL_CHECK(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1, "OpenSSL cannot write a public key");
  return take_text(bio.get());
}

Digest PublicKey::fingerprint() const {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key_.get(), &der);
  MODELCTL_CHECK(size > 0, "OpenSSL cannot write a public key");
  Digest digest = Sha256::of(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

// OpenSSL's error queue belongs to the thread: what a refused signature leaves in it would appear in the next message.
bool PublicKey::is_canonical(ByteSpan signature) const {
  bool good = algorithm_ == Algorithm::ed25519 || is_canonical_p256(signature);
  ERR_clear_error();
  return good;
}

// Ed25519 takes no digest: it hashes the message itself (RFC 8032, section 5.1), so there is no digest to compute in
// advance.
bool PublicKey::verifies(ByteSpan message, ByteSpan signature) const {
  if (!is_canonical(signature)) return false;
  Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm_ == Algorithm::ed25519 ? nullptr : EVP_sha256();
  bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<PrivateKey> PrivateKey::generate(Algorithm algorithm) {
  EVP_PKEY* key = algorithm == Algorithm::ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  if (!key) return Error(Kind::bug, "no-key-made", "cannot generate a key").because(openssl_reason());
  return PrivateKey(PublicKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free), algorithm));
}

Result<PrivateKey> PrivateKey::parse(const Secret& pem, std::string_view where, const AskPassphrase& ask) {
  std::string_view text = pem.reveal();
  if (text.find("SIGSTORE PRIVATE KEY") != text.npos || text.find("COSIGN PRIVATE KEY") != text.npos) {
    return Error(Kind::unsupported, "unsupported-key", fmt::format("cannot use the key '{}'", where))
        .at(std::string(where))
        .because("cosign's own encrypted key format is not supported yet")
        .help("modelctl key generate -o PREFIX");
  }
  if (text.find("PRIVATE KEY-----") == text.npos) {
    bool is_public = text.find("PUBLIC KEY-----") != text.npos;
    return bad_key(where,
                   is_public ? "it is a public key, but the private one is needed" : "it is not a PEM private key");
  }
  // Both forms: "BEGIN ENCRYPTED PRIVATE KEY" of PKCS#8 and "Proc-Type: 4,ENCRYPTED" of RFC 1421.
  bool encrypted = text.find("ENCRYPTED") != text.npos;
  Secret passphrase;
  if (encrypted) passphrase = TRY(ask());
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), pem_limit))));
  std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, encrypted ? give_passphrase : refuse_passphrase, &passphrase),
      EVP_PKEY_free);
  if (!key) {
    // A wrong passphrase cannot be distinguished from damage: both decrypt to nonsense. The message therefore names
    // both.
    std::string reason = openssl_reason();
    if (!encrypted) return bad_key(where, "it is not a PEM private key: " + reason);
    return Error(Kind::denied, "wrong-passphrase", fmt::format("cannot open the key '{}'", where))
        .at(std::string(where))
        .because("the passphrase is wrong, or the file is damaged: " + reason);
  }
  Algorithm algorithm = TRY(algorithm_of(key.get(), where));
  TRY(check_sound(key.get(), true, where));
  return PrivateKey(PublicKey(std::move(key), algorithm));
}

Result<PrivateKey> PrivateKey::read(const std::filesystem::path& path, const AskPassphrase& ask) {
  std::string text = TRY(read_text_file(path, pem_limit));
  return parse(Secret::take(text), path.string(), ask);
}

Result<Secret> PrivateKey::pem(const Secret& passphrase) const {
  Owned<PKCS8_PRIV_KEY_INFO> key(EVP_PKEY2PKCS8(public_.key_.get()));
  // Memory that OpenSSL wipes when the BIO is freed.
  Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  bool good = key && bio;
  if (good && passphrase.empty()) good = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio.get(), key.get()) == 1;
  else if (good) {
    Owned<X509_SIG> sealed = encrypt(key.get(), passphrase.reveal());
    good = sealed && PEM_write_bio_PKCS8(bio.get(), sealed.get()) == 1;
  }
  if (!good) return Error(Kind::bug, "no-key-made", "cannot write the private key").because(openssl_reason());
  std::string text = take_text(bio.get());
  return Secret::take(text);
}

Result<std::vector<std::byte>> PrivateKey::sign(ByteSpan message) const {
  std::vector<std::byte> signature;
  if (algorithm() == Algorithm::ecdsa_p256) {
    BIGNUM* scalar = nullptr;
    EVP_PKEY_get_bn_param(public_.key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &scalar);
    Owned<BIGNUM> owned(scalar);
    if (scalar) signature = ecdsa_sign_p256(scalar, Sha256::of(message));
  } else {
    Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    std::size_t size = longest_signature(Algorithm::ed25519);
    signature.resize(size);
    bool good = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, public_.key_.get()) == 1 &&
                EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                               reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
    if (!good) signature.clear();
  }
  // A fault while signing can give a signature that betrays the key: it never leaves without this check.
  if (signature.empty() || !public_.verifies(message, signature)) {
    return Error(Kind::bug, "cannot-sign", "cannot sign").because(openssl_reason());
  }
  return signature;
}

}  // namespace modelctl::package
