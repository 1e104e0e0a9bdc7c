// ModelInferRequest and ModelInferResponse as bytes, to and from the core's tensors, without gRPC.
//
// They are not read by the generated classes: those take memory on a claim alone. A message of 64 MiB can hold
// 30 million empty inputs, which protobuf makes an object of 100 bytes each. Here, lists are bounded, a tensor's
// memory is taken when the bytes for it are there, and they are copied once.
#pragma once

#include "serve/models/prediction.hpp"

#include <span>
#include <string>
#include <string_view>

namespace google::protobuf::io {
class ZeroCopyInputStream;
}

namespace modelctl::serve {

// What is needed of a request before it is decoded: a pass over its fields that copies nothing else.
struct RequestHead {
  ModelSelector selector;
  std::string id;
};
Result<RequestHead> read_request_head(google::protobuf::io::ZeroCopyInputStream& message);

struct InferRequest {
  std::vector<Tensor> inputs;        // in the signature's order
  std::vector<std::size_t> outputs;  // those wanted, by their place in the signature
  std::string id;
  bool raw = true;  // the inputs are raw bytes, and so the outputs will be
};

Result<InferRequest> read_infer_request(std::string_view message, const LoadedModel& model);

// The outputs have the form of the inputs, typed or raw; FP16 and BF16 make all of them raw, since they have no other.
Result<std::string> write_infer_response(const InferRequest& request, const LoadedModel& model,
                                         std::span<const Tensor> outputs);

// ModelStreamInferResponse with a response as written above, or with an error.
std::string write_stream_response(std::string_view response);
std::string write_stream_error(std::string_view id, std::string_view message);

}  // namespace modelctl::serve
