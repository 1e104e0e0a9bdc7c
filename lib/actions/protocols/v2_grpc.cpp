// The Open Inference Protocol, version 2, by gRPC, with raw contents. The server's description of the model says what
// the inputs are. The protocol has no place there for what they are made from: MLServer has an extension for that,
// which `modelctl serve` fills (inference.proto).
#include "actions/grpc_client.hpp"
#include "actions/protocol.hpp"
#include "artifact/meaning.hpp"
#include "serve/grpc/client_message.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

using serve::ModelSelector;

// A list of models is an extension: a server without it, but with the protocol, has its model named.
Result<std::string> find_model(GrpcClient& client, std::string_view shown) {
  auto response = client.call("RepositoryIndex", serve::write_index_request(), "list the models");
  std::string example = fmt::format("{}/v2/models/NAME", shown);
  if (!response && response.error().code == "no-inference-service") {
    TRY(client.call("ServerLive", {}, "ask the server"));
    return Error(Kind::usage, "model-not-named", "the server does not list its models")
        .at(client.place_of("RepositoryIndex"))
        .help(fmt::format("name one in the URL: {}", example));
  }
  if (!response) return std::move(response).error();
  auto names = serve::read_index_response(*response);
  if (!names) return std::move(names).error().at(client.place_of("RepositoryIndex"));
  return only_model(*names, client.place_of("RepositoryIndex"), example);
}

Result<PredictReport> predict(const ProtocolContext& context) {
  GrpcAddress address = TRY(parse_grpc_address(context.request.url));
  GrpcClient client = TRY(GrpcClient::open(address, context.request, context.host));
  ModelSelector selector{address.model, address.version, ""};
  if (selector.model.empty()) selector.model = TRY(find_model(client, address.shown));

  std::string described =
      TRY(client.call("ModelMetadata", serve::write_metadata_request(selector), "describe the model"));
  auto model = serve::read_metadata_response(described);
  if (!model) return std::move(model).error().at(client.place_of("ModelMetadata"));
  std::vector<formats::Expected> expected;
  for (serve::DescribedTensor& input : model->inputs) {
    bool file = input.content == artifact::word(artifact::Content::image);
    expected.push_back({.name = input.name, .type = input.type, .dims = std::move(input.dims), .file = file});
  }
  auto tensors = TRY(formats::load_inputs(context.request.inputs, expected, context.reading));
  std::vector<formats::NamedTensor> inputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].present()) inputs.push_back({expected[i].name, std::move(tensors[i])});
  }

  std::string message = TRY(serve::write_infer_request(selector, inputs));
  Stopwatch stopwatch(context.host.clock);
  std::string answer = TRY(client.call("ModelInfer", message, "predict"));
  auto response = serve::read_infer_response(answer);
  if (!response) return std::move(response).error().at(client.place_of("ModelInfer"));
  PredictReport report{.outputs = std::move(response->outputs), .seconds = stopwatch.seconds()};
  report.model = std::move(response->model);
  report.version = std::move(response->version);
  for (const serve::DescribedTensor& output : model->outputs) {
    if (!output.content.empty())
      report.metadata[artifact::meaning_key(artifact::Side::output, output.name)] = output.content;
  }
  return report;
}

constexpr std::string_view schemes[] = {"grpc://", "grpcs://", "unix:"};
constexpr ProtocolDef defs[] = {
    {.name = "v2-grpc", .summary = "the same by gRPC", .schemes = schemes, .predict = predict}};

}  // namespace

std::span<const ProtocolDef> v2_grpc_protocol() { return defs; }

}  // namespace modelctl::actions
