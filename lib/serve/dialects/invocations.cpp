// Containers of Amazon SageMaker, and MLflow's scoring server, which has the same routes: GET /ping and POST
// /invocations (SageMaker developer guide, "Use your own inference code with hosting services";
// mlflow.pyfunc.scoring_server). The content type decides what a body is; the response is {"predictions": …} or what
// 'Accept' asks for.
#include "serve/dialect.hpp"
#include "serve/formats/json_outputs.hpp"
#include "serve/formats/media_types.hpp"

namespace modelctl::serve {
namespace {

constexpr FormKey keys[] = {{"dataframe_split", JsonForm::split},
                            {"dataframe_records", JsonForm::features},
                            {"instances", JsonForm::rows},
                            {"inputs", JsonForm::columns}};

// SageMaker looks at the status alone, and asks for no body.
ServerResponse ping(const RequestContext& context) {
  return {context.service.ready() ? 200 : 503, "application/json", "", {}};
}

ServerResponse version(const RequestContext&) { return {200, "text/plain", MODELCTL_VERSION, {}}; }

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  DecodedRequest decoded;
  decoded.format = TRY(accepted_format(context.request.header("accept"), model));
  if (auto files = TRY(read_files(context, model))) {
    decoded.inputs = std::move(*files);
  } else {
    auto inputs = TRY(read_json_inputs(context.request.body, keys, model, Bare::allowed));
    decoded.inputs = std::move(inputs.tensors);
    decoded.form = inputs.form;
  }
  return decoded;
}

// As MLflow's models do: tensors by name for tensors by name, rows for rows and tables.
Result<ServerResponse> encode(const DecodedRequest& request, const LoadedModel& model,
                              std::span<const Tensor> outputs) {
  if (request.format != nullptr) return write_body(*request.format, model, outputs);
  JsonWriter body(model.settings());
  body.raw("{\"predictions\":");
  if (request.form == JsonForm::columns) write_columns(body, model, outputs);
  else TRY(write_rows(body, model, outputs));
  body.raw("}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

void describe_ping(RouteDescription& route, const LoadedModel*) { route.summary = "Whether predictions are answered"; }
void describe_version(RouteDescription& route, const LoadedModel*) {
  route = {"The server's version", {}, {{"text/plain", std::string(schema::text)}}};
}
void describe(RouteDescription& route, const LoadedModel* model) {
  const auto &inputs = model->signature().inputs, &outputs = model->signature().outputs;
  route.summary = "Predictions, as SageMaker and MLflow ask for them";
  std::string body = schema::any_of({schema::object({{"dataframe_split", schema::split(inputs)}}),
                                     schema::object({{"dataframe_records", schema::row_objects(inputs)}}),
                                     schema::object({{"instances", schema::rows(inputs)}}),
                                     schema::object({{"inputs", schema::columns(inputs)}})});
  route.request = described_files(*model, Direction::read);
  route.request.insert(route.request.begin(), {"application/json", std::move(body)});
  route.response = described_files(*model, Direction::write);
  std::string predictions = outputs.size() == 1 ? schema::columns(outputs)
                                                : schema::any_of({schema::columns(outputs), schema::rows(outputs)});
  route.response.insert(route.response.begin(),
                        {"application/json", schema::object({{"predictions", std::move(predictions)}})});
}

constexpr Route routes[] = {
    {.method = "GET", .pattern = "/ping", .needs = Scope::none, .answer = ping, .describe = describe_ping},
    {.method = "GET", .pattern = "/version", .needs = Scope::none, .answer = version, .describe = describe_version},
    {.method = "POST", .pattern = "/invocations", .decode = decode, .encode = encode, .describe = describe},
};
constexpr DialectDef defs[] = {{"invocations", routes}};

}  // namespace

std::span<const DialectDef> invocations_dialect() { return defs; }

}  // namespace modelctl::serve
