// The C interface of gRPC asks for the certificate before each handshake. Its C++ interface has that only for files
// that it watches itself, one of which may be new while the other is still the old one.
#include "serve/grpc/credentials.hpp"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

namespace modelctl::serve {
namespace {

class ReloadedCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadedCredentials(const TlsFiles& tls) : tls_(tls) {}

 private:
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

  int AddPortToServer(const std::string& address, grpc_server* server) override {
    bool mutual = !tls_.current()->client_authorities.empty();
    auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
        mutual ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
        fetch, this);
    auto* credentials = grpc_ssl_server_credentials_create_with_options(options);
    int port = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);  // the server has its own reference
    return port;
  }

  // gRPC calls it under a lock of its own, and keeps what it had if nothing changed.
  static grpc_ssl_certificate_config_reload_status fetch(void* self, grpc_ssl_server_certificate_config** config) {
    auto& credentials = *static_cast<ReloadedCredentials*>(self);
    auto now = credentials.tls_.current();
    if (now == credentials.fetched_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    grpc_ssl_pem_key_cert_pair pair{now->key.c_str(), now->certificate.c_str()};
    // gRPC aborts without authorities, and does not use them if it requests no certificate.
    const std::string& authorities = now->client_authorities.empty() ? now->certificate : now->client_authorities;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    credentials.fetched_ = std::move(now);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsFiles& tls_;
  std::shared_ptr<const TlsIdentity> fetched_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> server_credentials(const TlsFiles& tls) {
  if (tls.current() == nullptr) return grpc::InsecureServerCredentials();
  return std::make_shared<ReloadedCredentials>(tls);
}

}  // namespace modelctl::serve
