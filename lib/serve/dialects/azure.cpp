// Azure Machine Learning's online endpoints: POST /score. Its own inference servers leave the body to the user's
// script; those for MLflow models take "input_data", a table or tensors, and return the predictions bare (Azure Machine
// Learning, "Deploy MLflow models to online endpoints").
#include "serve/dialect.hpp"
#include "serve/formats/json_outputs.hpp"

namespace modelctl::serve {
namespace {

constexpr FormKey keys[] = {
    {"input_data", JsonForm::split_or_columns}, {"data", JsonForm::columns}, {"inputs", JsonForm::columns}};

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  auto inputs = TRY(read_json_inputs(context.request.body, keys, model, Bare::allowed));
  DecodedRequest decoded;
  decoded.inputs = std::move(inputs.tensors);
  decoded.form = inputs.form;
  return decoded;
}

Result<ServerResponse> encode(const DecodedRequest& request, const LoadedModel& model,
                              std::span<const Tensor> outputs) {
  JsonWriter body(model.settings());
  if (request.form == JsonForm::columns) write_columns(body, model, outputs);
  else TRY(write_rows(body, model, outputs));
  body.raw("\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

void describe(RouteDescription& route, const LoadedModel* model) {
  const auto &inputs = model->signature().inputs, &outputs = model->signature().outputs;
  route.summary = "Predictions, as Azure Machine Learning asks for them";
  std::string body = schema::any_of(
      {schema::object({{"input_data", schema::split(inputs)}}), schema::object({{"data", schema::columns(inputs)}})});
  route.request = {{"application/json", std::move(body)}};
  route.response = {{"application/json", schema::columns(outputs)}};
}

constexpr Route routes[] = {
    {.method = "POST", .pattern = "/score", .decode = decode, .encode = encode, .describe = describe}};
constexpr DialectDef defs[] = {{"azure", routes}};

}  // namespace

std::span<const DialectDef> azure_dialect() { return defs; }

}  // namespace modelctl::serve
