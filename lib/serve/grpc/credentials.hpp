// The TLS of the gRPC front end, whose certificate may be replaced while it serves.
#pragma once

#include "serve/tls_files.hpp"

#include <grpcpp/security/server_credentials.h>

#include <memory>

namespace modelctl::serve {

// Each handshake has the identity that is current when it begins. Without one now, connections have no TLS.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const TlsFiles& tls);

}  // namespace modelctl::serve
