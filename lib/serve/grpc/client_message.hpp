// The messages of the Open Inference Protocol as a client writes and reads them (inference.proto), without gRPC.
//
// A server is not trusted: lists are bounded, and a tensor's memory is taken when the bytes for it are there, which the
// generated classes do not do (infer_message.hpp).
#pragma once

#include "serve/models/prediction.hpp"
#include "tensor/formats.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// ModelMetadataRequest.
std::string write_metadata_request(const ModelSelector& selector);

struct DescribedTensor {
  std::string name;
  DType type = DType::undefined;
  Dims dims;            // -1: any size
  std::string content;  // what it is made from or means (artifact/meaning.hpp), if the server says so
};
struct ModelDescription {
  std::vector<DescribedTensor> inputs, outputs;
};
// ModelMetadataResponse. All errors of what is read here are of the kind protocol.
Result<ModelDescription> read_metadata_response(std::string_view message);

// RepositoryIndexRequest for what is ready, and the names in the response, each once.
std::string write_index_request();
Result<std::vector<std::string>> read_index_response(std::string_view message);

// ModelInferRequest with raw contents. Fails with unsupported for a type that has no raw form, and for a message that
// is larger than the 2 GiB that the implementations of the protocol take.
Result<std::string> write_infer_request(const ModelSelector& selector, std::span<const formats::NamedTensor> inputs);

struct InferResponse {
  std::string model, version;
  std::vector<formats::NamedTensor> outputs;
};
// ModelInferResponse with raw or typed contents.
Result<InferResponse> read_infer_response(std::string_view message);

}  // namespace modelctl::serve
