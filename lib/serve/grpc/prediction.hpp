// The front end of gRPC: a prediction whose tensors come from a ModelInferRequest and go to a ModelInferResponse.
#pragma once

#include "serve/grpc/call.hpp"
#include "serve/grpc/infer_message.hpp"

#include <functional>

namespace modelctl::serve {

struct InferReply {
  grpc::Status status;
  std::string response;  // ModelInferResponse, if the status is OK
  std::string id;        // of the request
  Served served;
  std::unique_ptr<MemoryShare> share;
};

// Predicts; `respond` gets the reply, once, on any thread. Returns the prediction that is under way, if any, so that
// who hears that nobody waits for it can cancel it.
std::weak_ptr<PredictionRequest> predict(GrpcCall& call, grpc::ByteBuffer message,
                                         std::function<void(InferReply)> respond);

}  // namespace modelctl::serve
