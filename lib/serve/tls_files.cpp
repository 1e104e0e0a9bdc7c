// OpenSSL reads from the texts that were read, not from the files again: both front ends have the same bytes, whatever
// happens to the files meanwhile.
#include "serve/tls_files.hpp"

#include "base/core_dumps.hpp"
#include "base/files.hpp"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>

namespace modelctl::serve {
namespace {

constexpr std::uint64_t largest_file = 1 << 20;

template <class Type, void (*release)(Type*)>
struct Releases {
  void operator()(Type* object) const { release(object); }
};
using Certificate = std::unique_ptr<X509, Releases<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY, EVP_PKEY_free>>;
struct FreesBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreesBio>;

Bio reader(const std::string& text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

// OpenSSL's first words about what just failed.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return text == nullptr ? "OpenSSL does not accept it" : text;
}

std::string cannot_use(const std::filesystem::path& path, std::string_view as) {
  return fmt::format("cannot use '{}' as {}", path.string(), as);
}
Error bad_certificate(const Settings& settings) {
  return Error(Kind::bad_config, "bad-certificate", cannot_use(settings.tls_cert, "the certificate"))
      .at(settings.tls_cert.string())
      .help("--tls-cert takes a PEM file with the server's certificate first, then its chain");
}
Error bad_key(const Settings& settings) {
  return Error(Kind::bad_config, "bad-tls-key", cannot_use(settings.tls_key, "the certificate's key"))
      .at(settings.tls_key.string())
      .help("--tls-key takes the unencrypted PEM key that belongs to the certificate");
}
Error bad_authority(const Settings& settings) {
  return Error(Kind::bad_config, "bad-client-ca", cannot_use(settings.tls_client_ca, "the authority of clients"))
      .at(settings.tls_client_ca.string())
      .help("--tls-client-ca takes a PEM file with the certificates of one or more authorities");
}

Result<std::string> read_pem(const std::filesystem::path& path, const Error& failure) {
  auto text = read_text_file(path, largest_file);
  if (text) return text;
  Error error = failure;
  return std::move(error).because(text.error().why.empty() ? text.error().what : text.error().why.back());
}

// All certificates of a text in their order; none if one of them cannot be read.
std::vector<Certificate> certificates(const std::string& text) {
  std::vector<Certificate> all;
  Bio from = reader(text);
  while (Certificate next{PEM_read_bio_X509_AUX(from.get(), nullptr, nullptr, nullptr)}) all.push_back(std::move(next));
  unsigned long last = ERR_peek_last_error();
  bool end = !all.empty() && ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  else all.clear();
  return all;
}

Result<std::chrono::system_clock::time_point> use_certificate(SSL_CTX* context, const std::string& text,
                                                              const Settings& settings) {
  auto all = certificates(text);
  if (all.empty() || SSL_CTX_use_certificate(context, all.front().get()) != 1)
    return bad_certificate(settings).because(reason());
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, all[i].get()) != 1) return bad_certificate(settings).because(reason());
  }
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(all.front().get()), &time) != 1)
    return bad_certificate(settings).because(reason());
  return std::chrono::system_clock::from_time_t(::timegm(&time));
}

// Nobody is asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<void> use_key(SSL_CTX* context, const std::string& text, const Settings& settings) {
  Key key(PEM_read_bio_PrivateKey(reader(text).get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return bad_key(settings).because(reason());
  // A key of another type than the certificate's is not compared when it is read.
  if (SSL_CTX_check_private_key(context) == 1) return {};
  ERR_clear_error();
  return Error(Kind::bad_config, "bad-tls-key",
               fmt::format("cannot use '{}': it is not the certificate's key", settings.tls_key.string()))
      .at(settings.tls_key.string())
      .help("--tls-key takes the key that belongs to --tls-cert");
}

// Clients must then have a certificate by one of the authorities, whose names the handshake lists.
Result<void> use_client_authorities(SSL_CTX* context, const std::string& text, const Settings& settings) {
  auto all = certificates(text);
  if (all.empty()) return bad_authority(settings).because(reason());
  for (const Certificate& authority : all) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return bad_authority(settings).because(reason());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static constexpr unsigned char name[] = "modelctl";  // without one, no session of such a client is resumed
  SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
  return {};
}

// TLS 1.2 is the oldest that is spoken: RFC 8996 forbids the versions before it.
std::shared_ptr<SSL_CTX> new_context() {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  return context;
}

Result<TlsIdentity> read_identity(const Settings& settings) {
  TlsIdentity identity;
  identity.context = new_context();
  SSL_CTX* context = identity.context.get();
  identity.certificate = TRY(read_pem(settings.tls_cert, bad_certificate(settings)));
  identity.expires = TRY(use_certificate(context, identity.certificate, settings));
  // Before the key is in memory, since OpenSSL makes copies that nobody wipes.
  forbid_core_dumps();
  identity.key = TRY(read_pem(settings.tls_key, bad_key(settings)));
  TRY(use_key(context, identity.key, settings));
  if (settings.tls_client_ca.empty()) return identity;
  identity.client_authorities = TRY(read_pem(settings.tls_client_ca, bad_authority(settings)));
  TRY(use_client_authorities(context, identity.client_authorities, settings));
  return identity;
}

}  // namespace

Result<void> TlsFiles::load() {
  if (current() != nullptr) return {};
  if (settings_.tls_cert.empty() != settings_.tls_key.empty()) {
    return Error(Kind::usage, "half-tls", "cannot serve HTTPS with only one of certificate and key")
        .help("give both --tls-cert and --tls-key");
  }
  if (settings_.tls_cert.empty() && !settings_.tls_client_ca.empty()) {
    return Error(Kind::usage, "half-tls", "cannot check the certificates of clients without one of the server")
        .help("give --tls-cert and --tls-key, too");
  }
  if (settings_.tls_cert.empty()) return {};
  metrics_.declare("modelctl_tls_certificate_expiration_timestamp_seconds", "gauge",
                   "When the certificate in use expires, in seconds since the epoch.");
  TRY(reload());
  return {};
}

std::shared_ptr<const TlsIdentity> TlsFiles::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

std::vector<std::filesystem::path> TlsFiles::watched_files() const {
  std::vector<std::filesystem::path> files{settings_.tls_cert, settings_.tls_key};
  if (!settings_.tls_client_ca.empty()) files.push_back(settings_.tls_client_ca);
  return files;
}

Result<std::string> TlsFiles::reload() {
  auto next = std::make_shared<const TlsIdentity>(TRY(read_identity(settings_)));
  metrics_.set("modelctl_tls_certificate_expiration_timestamp_seconds", {},
               static_cast<double>(std::chrono::system_clock::to_time_t(next->expires)));
  std::string expires = "valid until " + utc_text(next->expires);
  std::lock_guard lock(mutex_);
  current_ = std::move(next);
  return expires;
}

}  // namespace modelctl::serve
