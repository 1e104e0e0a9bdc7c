// What the Open Inference Protocol asks about the server and its models, and what it lets an operator do.
#include "serve/formats/v2_documents.hpp"
#include "serve/grpc/unary.hpp"

#include <google/protobuf/util/json_util.h>

#include "inference.pb.h"

namespace modelctl::serve {
namespace {

// The documents have the messages' own names. What REST has beyond the messages is left out.
template <class Response>
Result<Response> from_json(const std::string& text) {
  Response response;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (google::protobuf::util::JsonStringToMessage(text, &response, options).ok()) return response;
  return Error(Kind::bug, "internal-error", "a document of the protocol is not a message of it");
}

template <class Request>
ModelSelector selector_of(const Request& request) {
  return {request.name(), request.version(), ""};
}

Result<inference::ServerLiveResponse> server_live(GrpcCall&, const inference::ServerLiveRequest&) {
  inference::ServerLiveResponse response;
  response.set_live(true);
  return response;
}

Result<inference::ServerReadyResponse> server_ready(GrpcCall& call, const inference::ServerReadyRequest&) {
  inference::ServerReadyResponse response;
  response.set_ready(call.service().ready());
  return response;
}

Result<inference::ModelReadyResponse> model_ready(GrpcCall& call, const inference::ModelReadyRequest& request) {
  auto model = call.service().select(selector_of(request));
  inference::ModelReadyResponse response;
  response.set_ready(model && !call.service().draining());
  if (!model && model.error().kind != Kind::unavailable) return std::move(model).error();
  return response;
}

Result<inference::ServerMetadataResponse> server_metadata(GrpcCall&, const inference::ServerMetadataRequest&) {
  return from_json<inference::ServerMetadataResponse>(serve::server_metadata());
}

Result<inference::ModelMetadataResponse> model_metadata(GrpcCall& call,
                                                        const inference::ModelMetadataRequest& request) {
  return from_json<inference::ModelMetadataResponse>(
      TRY(serve::model_metadata(call.service(), selector_of(request), ParameterForm::message)));
}

Result<inference::ModelConfigResponse> model_config(GrpcCall& call, const inference::ModelConfigRequest& request) {
  std::string config = TRY(serve::model_config(call.service(), selector_of(request)));
  return from_json<inference::ModelConfigResponse>("{\"config\":" + config + "}");
}

Result<inference::ModelStatisticsResponse> model_statistics(GrpcCall& call,
                                                            const inference::ModelStatisticsRequest& request) {
  return from_json<inference::ModelStatisticsResponse>(
      TRY(serve::model_statistics(call.service(), selector_of(request))));
}

Result<inference::RepositoryIndexResponse> repository_index(GrpcCall& call,
                                                            const inference::RepositoryIndexRequest& request) {
  std::string list = serve::repository_index(call.service(), request.ready());
  return from_json<inference::RepositoryIndexResponse>("{\"models\":" + list + "}");
}

Result<inference::RepositoryModelLoadResponse> load(GrpcCall& call,
                                                    const inference::RepositoryModelLoadRequest& request) {
  TRY(call.service().load_model(request.model_name()));
  return inference::RepositoryModelLoadResponse();
}

Result<inference::RepositoryModelUnloadResponse> unload(GrpcCall& call,
                                                        const inference::RepositoryModelUnloadRequest& request) {
  TRY(call.service().unload_model(request.model_name()));
  return inference::RepositoryModelUnloadResponse();
}

constexpr MethodDef defs[] = {
    {.path = "/inference.GRPCInferenceService/ServerLive",
     .open = open_as<AnswerHandler<server_live>>,
     .needs = Scope::none},
    {.path = "/inference.GRPCInferenceService/ServerReady",
     .open = open_as<AnswerHandler<server_ready>>,
     .needs = Scope::none},
    {.path = "/inference.GRPCInferenceService/ModelReady",
     .open = open_as<AnswerHandler<model_ready>>,
     .needs = Scope::none},
    {.path = "/inference.GRPCInferenceService/ServerMetadata",
     .open = open_as<AnswerHandler<server_metadata>>,
     .needs = Scope::none},
    {.path = "/inference.GRPCInferenceService/ModelMetadata", .open = open_as<AnswerHandler<model_metadata>>},
    {.path = "/inference.GRPCInferenceService/ModelConfig", .open = open_as<AnswerHandler<model_config>>},
    {.path = "/inference.GRPCInferenceService/ModelStatistics", .open = open_as<AnswerHandler<model_statistics>>},
    {.path = "/inference.GRPCInferenceService/RepositoryIndex", .open = open_as<AnswerHandler<repository_index>>},
    {.path = "/inference.GRPCInferenceService/RepositoryModelLoad",
     .open = open_as<OperationHandler<load>>,
     .needs = Scope::admin},
    {.path = "/inference.GRPCInferenceService/RepositoryModelUnload",
     .open = open_as<OperationHandler<unload>>,
     .needs = Scope::admin},
};

}  // namespace

std::span<const MethodDef> inference_methods() { return defs; }

}  // namespace modelctl::serve
