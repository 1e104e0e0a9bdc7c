// Containers of Google's Vertex AI ("Custom container requirements for inference"): the platform chooses both paths,
// and hands them over in AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE (platforms.hpp). "parameters" in a request are for
// models that have any, and these have none.
#include "serve/dialect.hpp"
#include "serve/formats/json_outputs.hpp"

namespace modelctl::serve {
namespace {

constexpr FormKey keys[] = {{"instances", JsonForm::rows}};

ServerResponse health(const RequestContext& context) {
  bool ready = context.service.ready();
  return {ready ? 200 : 503, "application/json", ready ? "{\"ready\":true}\n" : "{\"ready\":false}\n", {}};
}

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  DecodedRequest decoded;
  decoded.inputs = TRY(read_json_inputs(context.request.body, keys, model)).tensors;
  return decoded;
}

Result<ServerResponse> encode(const DecodedRequest&, const LoadedModel& model, std::span<const Tensor> outputs) {
  JsonWriter body(model.settings());
  body.raw("{\"predictions\":");
  TRY(write_rows(body, model, outputs));
  body.raw("}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

void describe_health(RouteDescription& route, const LoadedModel*) {
  route = {"Whether predictions are answered; 503 if not",
           {},
           {{"application/json", schema::object({{"ready", R"({"type":"boolean"})"}})}}};
}
void describe(RouteDescription& route, const LoadedModel* model) {
  route.summary = "Predictions, as Vertex AI asks for them";
  route.request = {{"application/json", schema::object({{"instances", schema::rows(model->signature().inputs)}})}};
  route.response = {{"application/json", schema::object({{"predictions", schema::rows(model->signature().outputs)}})}};
}

constexpr Route routes[] = {
    {.method = "GET",
     .configured = &Settings::health_route,
     .needs = Scope::none,
     .answer = health,
     .describe = describe_health},
    {.method = "POST",
     .configured = &Settings::predict_route,
     .decode = decode,
     .encode = encode,
     .describe = describe},
};
constexpr DialectDef defs[] = {{"vertex", routes}};

}  // namespace

std::span<const DialectDef> vertex_dialect() { return defs; }

}  // namespace modelctl::serve
