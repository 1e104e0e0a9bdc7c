// ModelInferRequest to tensors; their response must be a message for protobuf's own classes.
#include "fuzz/twice.hpp"
#include "serve/grpc/infer_message.hpp"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "inference.pb.h"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto model = fuzz::twice_service().select({}).value();
  google::protobuf::io::ArrayInputStream pieces(data, static_cast<int>(size), 7);
  bool head = serve::read_request_head(pieces).has_value();
  auto request = serve::read_infer_request({reinterpret_cast<const char*>(data), size}, *model);
  if (!request) return 0;
  MODELCTL_CHECK(head, "a request is read whose head is not");
  request->id.clear();  // whose bytes are the client's
  auto response = serve::write_infer_response(*request, *model, request->inputs);
  MODELCTL_CHECK(response.has_value(), "what was read cannot be written");
  MODELCTL_CHECK(inference::ModelInferResponse().ParseFromString(*response), "the response is not a message");
  return 0;
}
