// The status of a call. It is derived from the status that HTTP has for the same failure (base/kind.def), so that a new
// kind of error needs no second table.
#pragma once

#include "base/error.hpp"

#include <grpcpp/support/status.h>

namespace modelctl::serve {

// By the mapping that google/rpc/code.proto states for each code of gRPC.
grpc::StatusCode grpc_code(int http_status);
// The other way, for logs.
int http_status(grpc::StatusCode code);

grpc::Status grpc_status(const Error& error);

}  // namespace modelctl::serve
