// The certificate with which a server proves who it is, and by whom those of its clients must be.
#pragma once

#include "serve/metrics.hpp"
#include "serve/reloading.hpp"
#include "serve/settings.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;  // SSL_CTX of OpenSSL

namespace modelctl::serve {

// What was read together, and fits.
struct TlsIdentity {
  std::string certificate, key, client_authorities;  // PEM; clients need no certificate if there is no authority
  std::chrono::system_clock::time_point expires;     // of the certificate
  std::shared_ptr<ssl_ctx_st> context;               // of the same, for handshakes
};

// The files that the settings name. A connection keeps the identity of its handshake, and handshakes that begin later
// use the one that was loaded last.
class TlsFiles final : public Reloadable {
 public:
  // Both outlive it.
  TlsFiles(const Settings& settings, Metrics& metrics) : settings_(settings), metrics_(metrics) {}

  // Reads the files if the settings name any, once. Fails if certificate and key do not belong together.
  Result<void> load();
  // Null without TLS. Any thread may call it.
  std::shared_ptr<const TlsIdentity> current() const;

  std::string_view name() const override { return "certificate"; }
  std::vector<std::filesystem::path> watched_files() const override;
  Result<std::string> reload() override;

 private:
  const Settings& settings_;
  Metrics& metrics_;
  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const TlsIdentity> current_;
};

}  // namespace modelctl::serve
