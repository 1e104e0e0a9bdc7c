// A deadline is a status of its own in gRPC, since it is the client's: HTTP has a 503 for it, as for any other
// overload.
#include "serve/grpc/status.hpp"

#include "serve/http/http.hpp"

namespace modelctl::serve {

grpc::StatusCode grpc_code(int http_status) {
  switch (http_status) {
    case 200: return grpc::StatusCode::OK;
    case 400: return grpc::StatusCode::INVALID_ARGUMENT;
    case 401: return grpc::StatusCode::UNAUTHENTICATED;
    case 403: return grpc::StatusCode::PERMISSION_DENIED;
    case 404: return grpc::StatusCode::NOT_FOUND;
    case 409: return grpc::StatusCode::ALREADY_EXISTS;
    case 501: return grpc::StatusCode::UNIMPLEMENTED;
    case 503: return grpc::StatusCode::UNAVAILABLE;
    default: return grpc::StatusCode::INTERNAL;
  }
}

int http_status(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK: return 200;
    case grpc::StatusCode::CANCELLED: return 499;
    case grpc::StatusCode::INVALID_ARGUMENT: return 400;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return 504;
    case grpc::StatusCode::NOT_FOUND: return 404;
    case grpc::StatusCode::ALREADY_EXISTS: return 409;
    case grpc::StatusCode::PERMISSION_DENIED: return 403;
    case grpc::StatusCode::UNAUTHENTICATED: return 401;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return 429;
    case grpc::StatusCode::UNIMPLEMENTED: return 501;
    case grpc::StatusCode::UNAVAILABLE: return 503;
    default: return 500;
  }
}

grpc::Status grpc_status(const Error& error) {
  grpc::StatusCode code = grpc_code(info(error.kind).http_status);
  if (error.code == "deadline-exceeded") code = grpc::StatusCode::DEADLINE_EXCEEDED;
  if (error.code == "too-many-requests") code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  if (error.code == "client-gone") code = grpc::StatusCode::CANCELLED;
  return {code, client_message(error)};
}

}  // namespace modelctl::serve
