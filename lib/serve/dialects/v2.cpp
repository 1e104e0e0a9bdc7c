// The Open Inference Protocol, version 2, REST (kserve.github.io, "Open Inference Protocol (V2)"), with the extensions
// for binary tensors and for the model repository (Triton's protocol documents).
//
// Members of an object have no order, so that the data may come before the type and the shape that say how to read
// them. The body is therefore passed over once, which also checks that it is JSON, and only positions are kept; each
// tensor is read from its position when everything about it is known. FP16 and BF16 are numbers here, although the
// protocol leaves them to its binary extension: a client that sends them means them.
//
// A request with binary tensors is JSON, whose length a header states, followed by the tensors' bytes in the order of
// its list 'inputs'. Its response has the same form for the outputs that are asked for so.
#include "serve/dialect.hpp"
#include "serve/formats/inputs.hpp"
#include "serve/formats/json_writer.hpp"
#include "serve/formats/raw_tensor.hpp"
#include "serve/formats/v2_documents.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace modelctl::serve {
namespace {

constexpr const char* json_length_header = "inference-header-content-length";

ServerResponse live(const RequestContext&) { return {200, "application/json", "{\"live\":true}\n", {}}; }

ServerResponse readiness(bool good) {
  return {good ? 200 : 503, "application/json", good ? "{\"ready\":true}\n" : "{\"ready\":false}\n", {}};
}

ServerResponse ready(const RequestContext& context) { return readiness(context.service.ready()); }

ServerResponse model_ready(const RequestContext& context) {
  auto model = context.service.select(context.selector());
  if (!model) return error_response(model.error());
  return readiness(!context.service.draining());
}

ServerResponse document(Result<std::string> text) {
  if (!text) return error_response(text.error());
  ServerResponse response;
  response.body = std::move(*text);
  return response;
}

ServerResponse server_metadata(const RequestContext&) { return document(serve::server_metadata()); }

ServerResponse model_metadata(const RequestContext& context) {
  return document(serve::model_metadata(context.service, context.selector()));
}

ServerResponse model_config(const RequestContext& context) {
  return document(serve::model_config(context.service, context.selector()));
}

ServerResponse model_statistics(const RequestContext& context) {
  return document(serve::model_statistics(context.service, context.selector()));
}

ServerResponse repository_index(const RequestContext& context) {
  return document(serve::repository_index(context.service, false));
}

Result<ServerResponse> load(const RequestContext& context) {
  TRY(context.service.load_model(context.selector().model));
  return ServerResponse{.body = "{}\n", .headers = {}};
}

Result<ServerResponse> unload(const RequestContext& context) {
  TRY(context.service.unload_model(context.selector().model));
  return ServerResponse{.body = "{}\n", .headers = {}};
}

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

using Members = std::vector<json::Member>;

// A request's body, read once: of each tensor only where its parts begin.
struct Body {
  std::optional<std::vector<Members>> inputs, outputs;  // absent: the body has no such list
  std::optional<std::string> id;
  bool binary_outputs = false;  // "parameters": {"binary_data_output": true}
};

bool read_objects(json::Cursor& in, std::vector<Members>& objects) {
  constexpr std::size_t limit = 10'000;  // far more than any model has
  if (!in.eat('[')) return in.fail("a list is expected");
  if (in.eat(']')) return true;
  do {
    if (objects.size() == limit) return in.fail(fmt::format("the list has more than {} objects", limit));
    if (!in.object(objects.emplace_back())) return false;
  } while (in.eat(','));
  return in.eat(']') || in.fail("a ',' or ']' is expected");
}

bool read_parameters(json::Cursor& in, Body& body) {
  if (in.peek() != '{') return in.skip();
  return in.object([&](const std::string& key) {
    char first = in.peek();
    bool is_flag = key == "binary_data_output" && (first == 't' || first == 'f');
    return is_flag ? in.boolean(body.binary_outputs) : in.skip();
  });
}

Result<Body> read_body(json::Cursor& in) {
  Body body;
  bool good = in.object([&](const std::string& key) {
    if (key == "inputs") return read_objects(in, body.inputs.emplace());
    if (key == "outputs") return read_objects(in, body.outputs.emplace());
    if (key == "id" && in.peek() == '"') return in.string(body.id.emplace());
    if (key == "parameters") return read_parameters(in, body);
    return in.skip();
  });
  if (good && !in.at_end()) good = in.fail("it goes on after the document's end");
  if (!good) return unreadable("the body", in);
  return body;
}

// The text under a key; nothing if it is absent or not a string.
std::optional<std::string> text_of(json::Cursor& in, const Members& members, std::string_view key) {
  const json::Member* member = find(members, key);
  std::string text;
  if (member == nullptr || !in.go_to(member->at) || in.peek() != '"' || !in.string(text)) return std::nullopt;
  return text;
}

// Goes to the value of a tensor's parameter; false if it has none of that name.
bool go_to_parameter(json::Cursor& in, const Members& members, std::string_view key) {
  const json::Member* parameters = find(members, "parameters");
  Members inside;
  if (parameters == nullptr || !in.go_to(parameters->at) || in.peek() != '{' || !in.object(inside)) return false;
  const json::Member* found = find(inside, key);
  return found != nullptr && in.go_to(found->at);
}

// What "binary_data_size" claims; nothing if the tensor is not binary.
Result<std::optional<std::size_t>> binary_size(json::Cursor& in, const Members& members, const std::string& what) {
  if (!go_to_parameter(in, members, "binary_data_size")) return std::optional<std::size_t>();
  json::Number number;
  std::size_t size = 0;
  bool good = in.number(number) && number.whole;
  if (good) {
    auto [end, code] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), size);
    good = code == std::errc() && end == number.text.data() + number.text.size();
  }
  if (!good) return bad_request(fmt::format("cannot read {}: 'binary_data_size' is not a size", what));
  return std::optional(size);
}

// One element of the list 'inputs'. `binary` is what is left of the binary data, from which a binary tensor takes its
// own.
Result<Tensor> read_tensor(json::Cursor& in, const Members& members, const artifact::Port& port,
                           const LoadedModel& model, std::string_view& binary) {
  std::string what = fmt::format("the input '{}'", port.name);
  auto type = text_of(in, members, "datatype");
  if (!type) return bad_request(fmt::format("cannot read {}: 'datatype' is missing", what));
  if (*type != json::v2_name(port.type)) {
    return bad_request(fmt::format("cannot read {}: its datatype is '{}' but the model takes '{}'", what, *type,
                                   json::v2_name(port.type)));
  }
  const json::Member *shape = find(members, "shape"), *data = find(members, "data");
  if (shape == nullptr) return bad_request(fmt::format("cannot read {}: 'shape' is missing", what));
  auto size = TRY(binary_size(in, members, what));
  if (data == nullptr && !size) return bad_request(fmt::format("cannot read {}: 'data' is missing", what));
  if (data != nullptr && size) return bad_request(fmt::format("cannot read {}: it has 'data' and binary data", what));
  Dims dims;
  in.go_to(shape->at);
  if (!json::read_shape(in, dims)) return unreadable(what, in);
  if (!size) return read_input(in, data->at, port, std::move(dims), model);
  if (*size > binary.size()) {
    return bad_request(
        fmt::format("cannot read {}: it has {} bytes of binary data, and {} are left", what, *size, binary.size()));
  }
  auto tensor = TRY_BECAUSE(read_raw(binary.substr(0, *size), port.type, std::move(dims)), what);
  binary.remove_prefix(*size);
  return tensor;
}

Result<std::vector<Tensor>> read_inputs(json::Cursor& in, const Body& body, const LoadedModel& model,
                                        std::string_view binary) {
  if (!body.inputs) return bad_request("the body is not an object with a list 'inputs'");
  std::map<std::string, Tensor> named;
  for (const Members& members : *body.inputs) {
    std::string name = text_of(in, members, "name").value_or("");
    const artifact::Port* port = TRY(find_input(model.signature(), name));
    if (named.contains(name)) return bad_request(fmt::format("the input '{}' is given twice", name));
    named.emplace(name, TRY(read_tensor(in, members, *port, model, binary)));
  }
  if (!binary.empty())
    return bad_request(fmt::format("{} bytes of binary data belong to none of the inputs", binary.size()));
  return in_order(model.signature(), std::move(named));
}

// The outputs that the client asks for; all of them if it names none.
Result<std::vector<WantedOutput>> wanted_outputs(json::Cursor& in, const Body& body,
                                                 const artifact::Signature& signature) {
  std::vector<WantedOutput> wanted;
  if (!body.outputs) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) wanted.push_back({i, body.binary_outputs});
    return wanted;
  }
  for (const Members& members : *body.outputs) {
    std::string name = text_of(in, members, "name").value_or("");
    std::size_t at = 0;
    while (at < signature.outputs.size() && signature.outputs[at].name != name) ++at;
    if (at == signature.outputs.size()) {
      return bad_request(fmt::format("the model has no output '{}'; it has {}", name, names(signature.outputs)));
    }
    // The protocol gives an output one place in the response. Each repetition would cost a few bytes here and a whole
    // tensor there.
    if (std::any_of(wanted.begin(), wanted.end(), [&](const WantedOutput& other) { return other.at == at; }))
      return bad_request(fmt::format("the output '{}' is asked for twice", name));
    bool binary = body.binary_outputs;
    if (go_to_parameter(in, members, "binary_data") && !in.boolean(binary))
      return unreadable(fmt::format("the output '{}'", name), in);
    wanted.push_back({at, binary});
  }
  return wanted;
}

// How many bytes of the body are JSON: all of them unless a header states a length.
Result<std::size_t> json_length(const ClientRequest& request) {
  std::string_view text = request.header(json_length_header);
  if (text.empty()) return request.body.size();
  std::size_t length = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (code == std::errc() && end == text.data() + text.size() && length <= request.body.size()) return length;
  return bad_request("'Inference-Header-Content-Length' is not a length within the body");
}

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  std::size_t length = TRY(json_length(context.request));
  std::string_view all = context.request.body;
  json::Cursor in(all.substr(0, length));
  Body body = TRY(read_body(in));
  DecodedRequest decoded;
  decoded.outputs = TRY(wanted_outputs(in, body, model.signature()));
  decoded.inputs = TRY(read_inputs(in, body, model, all.substr(length)));
  decoded.id = std::move(body.id);
  return decoded;
}

Error too_large(const LoadedModel& model) {
  return Error(
      Kind::bad_input, "response-too-large",
      fmt::format("the response would be larger than the {} bytes that are allowed", model.settings().max_response));
}

// Appends the binary outputs to the response, whose JSON is complete.
Result<void> append_binary(ServerResponse& response, const DecodedRequest& request, const LoadedModel& model,
                           std::span<const Tensor> outputs) {
  std::uint64_t size = response.body.size();
  for (const WantedOutput& wanted : request.outputs) {
    if (wanted.binary) size += raw_size(outputs[wanted.at].view());
  }
  if (size > model.settings().max_response) return too_large(model);
  response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(response.body.size()));
  response.content_type = "application/octet-stream";
  response.body.reserve(size);
  for (const WantedOutput& wanted : request.outputs) {
    if (!wanted.binary || append_raw(response.body, outputs[wanted.at].view())) continue;
    return Error(Kind::unsupported, "no-binary-form",
                 fmt::format("the output '{}' has no binary form", model.signature().outputs[wanted.at].name));
  }
  return {};
}

Result<ServerResponse> encode(const DecodedRequest& request, const LoadedModel& model,
                              std::span<const Tensor> outputs) {
  JsonWriter out(model.settings());
  out.raw("{\"model_name\":").string(model.info().name);
  out.raw(",\"model_version\":").string(model.info().version);
  if (request.id) out.raw(",\"id\":").string(*request.id);
  out.raw(",\"outputs\":[");
  bool any_binary = false;
  for (const WantedOutput& wanted : request.outputs) {
    const Tensor& output = outputs[wanted.at];
    out.raw(&wanted == request.outputs.data() ? "{\"name\":" : ",{\"name\":");
    out.string(model.signature().outputs[wanted.at].name);
    out.raw(fmt::format(",\"shape\":[{}],\"datatype\":\"{}\"", fmt::join(output.dims(), ","),
                        json::v2_name(output.type())));
    if (wanted.binary) {
      out.raw(fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}", raw_size(output.view())));
      any_binary = true;
    } else {
      out.raw(",\"data\":").flat(output.view()).raw("}");
    }
  }
  out.raw(any_binary ? "]}" : "]}\n");
  ServerResponse response;
  response.body = TRY(out.done());
  if (any_binary) TRY(append_binary(response, request, model, outputs));
  return response;
}

constexpr const char* json = "application/json";

std::string flag(const char* name) { return schema::object({{name, R"({"type":"boolean"})"}}); }

void describe_live(RouteDescription& route, const LoadedModel*) {
  route = {"Whether the process responds", {}, {{json, flag("live")}}};
}
void describe_ready(RouteDescription& route, const LoadedModel*) {
  route = {"Whether predictions are answered; 503 if not", {}, {{json, flag("ready")}}};
}
void describe_metadata(RouteDescription& route, const LoadedModel*) {
  route = {"Name, versions, inputs and outputs", {}, {{json, R"({"type":"object"})"}}};
}
void describe_config(RouteDescription& route, const LoadedModel*) {
  route = {"Inputs and outputs as Triton's model configuration", {}, {{json, R"({"type":"object"})"}}};
}
void describe_statistics(RouteDescription& route, const LoadedModel*) {
  route = {"Statistics of the version's requests", {}, {{json, R"({"type":"object"})"}}};
}
void describe_index(RouteDescription& route, const LoadedModel*) {
  route = {"The versions of all models and their states", {}, {{json, schema::list(R"({"type":"object"})")}}};
}
void describe_load(RouteDescription& route, const LoadedModel*) {
  route = {"Opens the model's source again", {}, {{json, R"({"type":"object"})"}}};
}
void describe_unload(RouteDescription& route, const LoadedModel*) {
  route = {"Serves the model no longer", {}, {{json, R"({"type":"object"})"}}};
}

// Each tensor by its own name. The data are flat here; nested lists are read as well.
std::string described_tensors(const std::vector<artifact::Port>& ports) {
  std::vector<std::string> tensors;
  for (const artifact::Port& port : ports) {
    tensors.push_back(schema::object({{"name", schema::constant(port.name)},
                                      {"shape", schema::list(R"({"type":"integer"})")},
                                      {"datatype", schema::constant(v2_datatype(port.type))},
                                      {"data", schema::list(schema::element(port.type))}}));
  }
  return schema::list(tensors.size() == 1 ? tensors[0] : schema::any_of(tensors));
}

void describe_infer(RouteDescription& route, const LoadedModel* model) {
  std::string text(schema::text);
  std::string names = schema::list(schema::object({{"name", text}}));
  route.summary = "Predictions by the Open Inference Protocol";
  route.request = {
      {json, schema::object(
                 {{"inputs", described_tensors(model->signature().inputs)}, {"id", text}, {"outputs", names}}, 1)}};
  route.response = {{json, schema::object({{"model_name", text},
                                           {"model_version", text},
                                           {"outputs", described_tensors(model->signature().outputs)},
                                           {"id", text}},
                                          3)}};
}

constexpr Route routes[] = {
    {.method = "GET", .pattern = "/v2", .needs = Scope::none, .answer = server_metadata, .describe = describe_metadata},
    {.method = "GET", .pattern = "/v2/health/live", .needs = Scope::none, .answer = live, .describe = describe_live},
    {.method = "GET", .pattern = "/v2/health/ready", .needs = Scope::none, .answer = ready, .describe = describe_ready},
    {.method = "GET", .pattern = "/v2/models/stats", .answer = model_statistics, .describe = describe_statistics},
    {.method = "GET", .pattern = "/v2/models/{model}", .answer = model_metadata, .describe = describe_metadata},
    {.method = "GET",
     .pattern = "/v2/models/{model}/versions/{version}",
     .answer = model_metadata,
     .describe = describe_metadata},
    {.method = "GET",
     .pattern = "/v2/models/{model}/ready",
     .needs = Scope::none,
     .answer = model_ready,
     .describe = describe_ready},
    {.method = "GET",
     .pattern = "/v2/models/{model}/versions/{version}/ready",
     .needs = Scope::none,
     .answer = model_ready,
     .describe = describe_ready},
    {.method = "GET", .pattern = "/v2/models/{model}/config", .answer = model_config, .describe = describe_config},
    {.method = "GET",
     .pattern = "/v2/models/{model}/versions/{version}/config",
     .answer = model_config,
     .describe = describe_config},
    {.method = "GET",
     .pattern = "/v2/models/{model}/stats",
     .answer = model_statistics,
     .describe = describe_statistics},
    {.method = "GET",
     .pattern = "/v2/models/{model}/versions/{version}/stats",
     .answer = model_statistics,
     .describe = describe_statistics},
    {.method = "POST",
     .pattern = "/v2/models/{model}/infer",
     .decode = decode,
     .encode = encode,
     .describe = describe_infer},
    {.method = "POST",
     .pattern = "/v2/models/{model}/versions/{version}/infer",
     .decode = decode,
     .encode = encode,
     .describe = describe_infer},
    {.method = "POST", .pattern = "/v2/repository/index", .answer = repository_index, .describe = describe_index},
    {.method = "POST", .pattern = "/v2/repository/models/{model}/load", .operate = load, .describe = describe_load},
    {.method = "POST",
     .pattern = "/v2/repository/models/{model}/unload",
     .operate = unload,
     .describe = describe_unload},
};
constexpr DialectDef defs[] = {{"v2", routes}};

}  // namespace

std::span<const DialectDef> v2_dialect() { return defs; }

}  // namespace modelctl::serve
