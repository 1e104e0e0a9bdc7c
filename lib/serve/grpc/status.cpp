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

grpc::Status grpc_status(const Error& error) {
  grpc::StatusCode code = grpc_code(info(error.kind).http_status);
  if (error.code == "deadline-exceeded") code = grpc::StatusCode::DEADLINE_EXCEEDED;
  if (error.code == "client-gone") code = grpc::StatusCode::CANCELLED;
  return {code, client_message(error)};
}

}  // namespace modelctl::serve
