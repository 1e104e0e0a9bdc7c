// Calls of a gRPC server, one after the other over one connection, as bytes. What makes them is prepared by the first
// call. grpc_client.cpp is the only code of the actions that uses gRPC.
#pragma once

#include "actions/grpc_address.hpp"
#include "actions/predict.hpp"

#include <memory>

namespace modelctl::actions {

class GrpcClient {
 public:
  // The options are those of HTTP: whom TLS trusts, that without TLS only this machine is asked, the token, the time
  // that each call may take.
  static Result<GrpcClient> open(const GrpcAddress& address, const PredictRequest& request, Host& host);
  GrpcClient(GrpcClient&&) noexcept;
  ~GrpcClient();

  // Calls a method of GRPCInferenceService ("ModelInfer"), once: the status of a call that fails decides the kind of
  // the error, and none is repeated. `what` is in the message: "predict".
  Result<std::string> call(std::string_view method, std::string_view message, std::string_view what);

  // "ModelInfer grpc://HOST:PORT": where an error is.
  std::string place_of(std::string_view method) const;

 private:
  struct State;
  explicit GrpcClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::actions
