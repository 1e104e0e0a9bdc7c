// The methods that clients can call. A file in services/ provides those of one service or a part of it; adding a method
// is adding a row there, adding a service is adding lib/serve/grpc/services/<stem>.cpp with
// std::span<const MethodDef> <stem>_methods().
#pragma once

#include "serve/grpc/call.hpp"
#include "serve/tokens.hpp"

#include <span>
#include <string_view>

namespace modelctl::serve {

struct MethodDef {
  std::string_view path;  // "/inference.GRPCInferenceService/ServerLive"
  std::unique_ptr<CallHandler> (*open)(GrpcCall& call);
  bool streams = false;          // the client sends its messages when it likes
  bool health = false;           // also served when there are too many calls
  Scope needs = Scope::predict;  // of the client's token, see tokens.hpp
};

std::span<const MethodDef* const> methods();

template <class Handler>
std::unique_ptr<CallHandler> open_as(GrpcCall& call) {
  return std::make_unique<Handler>(call);
}

}  // namespace modelctl::serve
