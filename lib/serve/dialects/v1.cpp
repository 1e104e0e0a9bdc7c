// The REST API of TensorFlow Serving, which KServe calls its protocol V1 (tensorflow.org/tfx/serving/api_rest;
// kserve.github.io, "V1 Inference Protocol"). A request in rows, "instances", gets rows, "predictions"; one in columns,
// "inputs", gets columns, "outputs". Bytes are {"b64": "…"}, also in outputs whose name ends in "_bytes".
//
// :classify and :regress take features by name, and fit models whose output is one table of scores, or one value per
// row. A class has no name here but its index.
#include "serve/dialect.hpp"
#include "serve/formats/json_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

constexpr FormKey keys[] = {{"instances", JsonForm::rows}, {"inputs", JsonForm::columns}};
constexpr FormKey example_keys[] = {{"examples", JsonForm::features}};

ServerResponse or_error(Result<ServerResponse> response) {
  return response ? std::move(*response) : error_response(response.error());
}

Result<ServerResponse> finish(JsonWriter& body) {
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

// KServe's list of models.
ServerResponse list(const RequestContext& context) {
  JsonWriter body(context.service.settings().max_response);
  body.raw("{\"models\":[");
  std::string_view separator = "";
  for (const auto& [name, routes] : *context.service.routing_table()) {
    body.raw(separator).string(name);
    separator = ",";
  }
  body.raw("]}\n");
  return or_error(finish(body));
}

// tensorflow_serving/apis/get_model_status.proto
std::string_view name_of(VersionState state) {
  switch (state) {
    case VersionState::loading: return "LOADING";
    case VersionState::ready: return "AVAILABLE";
    case VersionState::unloading: return "UNLOADING";
    case VersionState::unavailable:
    case VersionState::failed: break;
  }
  return "END";
}

bool is_asked_for(const VersionStatus& status, const ModelSelector& selector) {
  if (status.model != selector.model) return false;
  if (!selector.version.empty()) return status.version == selector.version;
  return selector.label.empty() ||
         std::find(status.labels.begin(), status.labels.end(), selector.label) != status.labels.end();
}

// TensorFlow Serving's form with the two members of KServe's.
Result<ServerResponse> try_status(const RequestContext& context) {
  ModelSelector selector = context.selector();
  JsonWriter body(context.service.settings().max_response);
  body.raw("{\"name\":").string(selector.model).raw(",\"model_version_status\":[");
  std::string_view separator = "";
  bool ready = false;
  for (const VersionStatus& status : context.service.registry.index()) {
    if (!is_asked_for(status, selector)) continue;
    bool failed = status.state == VersionState::failed;
    ready = ready || status.state == VersionState::ready;
    body.raw(separator).raw("{\"version\":").string(status.version).raw(",\"state\":\"").raw(name_of(status.state));
    body.raw("\",\"status\":{\"error_code\":\"").raw(failed ? "UNKNOWN" : "OK").raw("\",\"error_message\":");
    body.string(failed ? status.reason : "").raw("}}");
    separator = ",";
  }
  if (separator.empty()) TRY(context.service.select(selector));  // which says what there is instead
  body.raw("],\"ready\":").raw(ready ? "true" : "false").raw("}\n");
  return finish(body);
}

ServerResponse status(const RequestContext& context) { return or_error(try_status(context)); }

// tensorflow/core/framework/types.proto
std::string_view dtype_name(DType type) {
  switch (type) {
    case DType::f32: return "DT_FLOAT";
    case DType::f64: return "DT_DOUBLE";
    case DType::f16: return "DT_HALF";
    case DType::bf16: return "DT_BFLOAT16";
    case DType::i8: return "DT_INT8";
    case DType::i16: return "DT_INT16";
    case DType::i32: return "DT_INT32";
    case DType::i64: return "DT_INT64";
    case DType::u8: return "DT_UINT8";
    case DType::u16: return "DT_UINT16";
    case DType::u32: return "DT_UINT32";
    case DType::u64: return "DT_UINT64";
    case DType::boolean: return "DT_BOOL";
    case DType::string: return "DT_STRING";
    default: return "DT_INVALID";
  }
}

void append_ports(JsonWriter& body, const std::vector<artifact::Port>& ports) {
  for (const artifact::Port& port : ports) {
    body.raw(&port == ports.data() ? "" : ",").string(port.name);
    body.raw(fmt::format(":{{\"dtype\":\"{}\",\"tensor_shape\":{{\"dim\":[", dtype_name(port.type)));
    for (std::size_t i = 0; i < port.dims.size() && !port.any_rank(); ++i)
      body.raw(fmt::format("{}{{\"size\":\"{}\",\"name\":\"\"}}", i == 0 ? "" : ",", port.dims[i].size));
    body.raw(fmt::format("],\"unknown_rank\":{}}},\"name\":", port.any_rank())).string(port.name).raw("}");
  }
}

Result<ServerResponse> try_metadata(const RequestContext& context) {
  auto model = TRY(context.service.select(context.selector()));
  JsonWriter body(model->settings().max_response);
  body.raw("{\"model_spec\":{\"name\":").string(model->info().name);
  body.raw(",\"signature_name\":\"\",\"version\":").string(model->info().version);
  body.raw("},\"metadata\":{\"signature_def\":{\"signature_def\":{\"serving_default\":{\"inputs\":{");
  append_ports(body, model->signature().inputs);
  body.raw("},\"outputs\":{");
  append_ports(body, model->signature().outputs);
  body.raw("},\"method_name\":\"tensorflow/serving/predict\"}}}}}\n");
  return finish(body);
}

ServerResponse metadata(const RequestContext& context) { return or_error(try_metadata(context)); }

// The models here have one signature, which has the name that TensorFlow gives to one.
Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model, std::span<const FormKey> forms) {
  json::Cursor in(context.request.body);
  auto members = TRY(read_members(in));
  std::string name = "serving_default";
  if (const json::Member* signature = json::find(members, "signature_name")) {
    in.go_to(signature->at);
    if (in.peek() != '"' || !in.string(name))
      return Error(Kind::bad_input, "bad-request", "'signature_name' is not a string");
  }
  if (!name.empty() && name != "serving_default") {
    return Error(Kind::bad_input, "bad-request",
                 fmt::format("the model has no signature '{}'; it has 'serving_default'", name));
  }
  auto inputs = TRY(read_json_inputs(context.request.body, forms, model));
  DecodedRequest decoded;
  decoded.inputs = std::move(inputs.tensors);
  decoded.form = inputs.form;
  return decoded;
}

Result<DecodedRequest> decode_predict(const RequestContext& context, const LoadedModel& model) {
  return decode(context, model, keys);
}

Result<ServerResponse> encode_predict(const DecodedRequest& request, const LoadedModel& model,
                                      std::span<const Tensor> outputs) {
  JsonWriter body(model.settings());
  if (request.form == JsonForm::rows) {
    body.raw("{\"predictions\":");
    TRY(write_rows(body, model, outputs));
  } else {
    body.raw("{\"outputs\":");
    write_columns(body, model, outputs);
  }
  body.raw("}\n");
  return finish(body);
}

// "context" has features that all examples share, which nothing here makes use of: refused rather than ignored.
Result<DecodedRequest> decode_examples(const RequestContext& context, const LoadedModel& model) {
  json::Cursor in(context.request.body);
  if (json::find(TRY(read_members(in)), "context") != nullptr)
    return Error(Kind::bad_input, "bad-request", "'context' is not supported: give its features in each example");
  return decode(context, model, example_keys);
}

Error does_not_fit(std::string_view what, std::string_view needs) {
  return Error(Kind::bad_input, "bad-request", fmt::format("the model is not one for '{}': {}", what, needs));
}

// The only output, if its rows have this many values; -1: any number.
Result<TensorView> only_output(std::span<const Tensor> outputs, std::int64_t values, std::string_view method,
                               std::string_view needs) {
  if (outputs.size() != 1 || outputs[0].dims().empty() || !is_float(outputs[0].type()))
    return does_not_fit(method, needs);
  const Tensor& output = outputs[0];
  std::int64_t width = element_count(DimsView(output.dims()).subspan(1)).value_or(0);
  if (output.dims().size() > 2 || (values >= 0 && width != values)) return does_not_fit(method, needs);
  return output.view();
}

Result<ServerResponse> encode_classify(const DecodedRequest&, const LoadedModel& model,
                                       std::span<const Tensor> outputs) {
  TensorView scores = TRY(only_output(outputs, -1, "classify", "it needs one output, a row of scores per example"));
  if (scores.rank() != 2) return does_not_fit("classify", "it needs one output, a row of scores per example");
  JsonWriter body(model.settings());
  body.raw("{\"result\":[");
  std::size_t size = static_cast<std::size_t>(bits(scores.type) / 8);
  const auto* at = static_cast<const std::byte*>(scores.data);
  for (std::int64_t row = 0; row < scores.dim(0) && !body.full(); ++row) {
    body.raw(row == 0 ? "[" : ",[");
    for (std::int64_t label = 0; label < scores.dim(1); ++label, at += size)
      body.raw(fmt::format("{}[\"{}\",", label == 0 ? "" : ",", label)).nested({scores.type, {}, at}).raw("]");
    body.raw("]");
  }
  body.raw("]}\n");
  return finish(body);
}

Result<ServerResponse> encode_regress(const DecodedRequest&, const LoadedModel& model,
                                      std::span<const Tensor> outputs) {
  TensorView values = TRY(only_output(outputs, 1, "regress", "it needs one output, a value per example"));
  JsonWriter body(model.settings());
  body.raw("{\"result\":").flat(values).raw("}\n");
  return finish(body);
}

constexpr const char* json = "application/json";

void describe_list(RouteDescription& route, const LoadedModel*) {
  route = {"The models", {}, {{json, schema::object({{"models", schema::list(std::string(schema::text))}})}}};
}
void describe_status(RouteDescription& route, const LoadedModel*) {
  route = {"The states of the model's versions", {}, {{json, R"({"type":"object"})"}}};
}
void describe_metadata(RouteDescription& route, const LoadedModel*) {
  route = {"The model's signature", {}, {{json, R"({"type":"object"})"}}};
}
void describe_predict(RouteDescription& route, const LoadedModel* model) {
  const auto &inputs = model->signature().inputs, &outputs = model->signature().outputs;
  route.summary = "Predictions in rows or columns, as TensorFlow Serving has them";
  route.request = {{json, schema::any_of({schema::object({{"instances", schema::rows(inputs)}}),
                                          schema::object({{"inputs", schema::columns(inputs)}})})}};
  route.response = {{json, schema::any_of({schema::object({{"predictions", schema::rows(outputs)}}),
                                           schema::object({{"outputs", schema::columns(outputs)}})})}};
}
void describe_examples(RouteDescription& route, const LoadedModel* model, const std::string& result) {
  route.request = {{json, schema::object({{"examples", schema::row_objects(model->signature().inputs)}})}};
  route.response = {{json, schema::object({{"result", schema::list(result)}})}};
}
void describe_classify(RouteDescription& route, const LoadedModel* model) {
  route.summary = "The score of each class";
  describe_examples(route, model, schema::list(schema::list("{}")));
}
void describe_regress(RouteDescription& route, const LoadedModel* model) {
  route.summary = "A value for each example";
  describe_examples(route, model, schema::element(DType::f32));
}

#define V1_ROUTES(model)                                                                                  \
  {.method = "GET", .pattern = model, .answer = status, .describe = describe_status},                     \
      {.method = "GET", .pattern = model "/metadata", .answer = metadata, .describe = describe_metadata}, \
      {.method = "POST",                                                                                  \
       .pattern = model ":predict",                                                                       \
       .decode = decode_predict,                                                                          \
       .encode = encode_predict,                                                                          \
       .describe = describe_predict},                                                                     \
      {.method = "POST",                                                                                  \
       .pattern = model ":classify",                                                                      \
       .decode = decode_examples,                                                                         \
       .encode = encode_classify,                                                                         \
       .describe = describe_classify},                                                                    \
  {                                                                                                       \
    .method = "POST", .pattern = model ":regress", .decode = decode_examples, .encode = encode_regress,   \
    .describe = describe_regress                                                                          \
  }
constexpr Route routes[] = {
    {.method = "GET", .pattern = "/v1/models", .answer = list, .describe = describe_list},
    V1_ROUTES("/v1/models/{model}"),
    V1_ROUTES("/v1/models/{model}/versions/{version}"),
    V1_ROUTES("/v1/models/{model}/labels/{label}"),
};
#undef V1_ROUTES
constexpr DialectDef defs[] = {{"v1", routes}};

}  // namespace

std::span<const DialectDef> v1_dialect() { return defs; }

}  // namespace modelctl::serve
