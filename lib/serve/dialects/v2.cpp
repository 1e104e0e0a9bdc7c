// The Open Inference Protocol, version 2, REST with JSON tensors (kserve.github.io, "Open Inference Protocol (V2)").
//
// Members of an object have no order, so that the data may come before the type and the shape that say how to read
// them. The body is therefore passed over once, which also checks that it is JSON, and only positions are kept; each
// tensor is read from its position when everything about it is known. FP16 and BF16 are numbers here, although the
// protocol leaves them to its binary extension: a client that sends them means them.
#include "serve/dialect.hpp"
#include "serve/inputs.hpp"
#include "serve/json_writer.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

ServerResponse live(const RequestContext&) { return {200, "application/json", "{\"live\":true}\n", {}}; }

ServerResponse ready(const RequestContext& context) {
  bool good = context.service.ready();
  return {good ? 200 : 503, "application/json", good ? "{\"ready\":true}\n" : "{\"ready\":false}\n", {}};
}

ServerResponse model_ready(const RequestContext& context) {
  auto model = context.service.select(context.selector());
  if (!model) return error_response(model.error());
  return ready(context);
}

ServerResponse server_metadata(const RequestContext&) {
  return {
      200, "application/json", "{\"name\":\"modelctl\",\"version\":\"" MODELCTL_VERSION "\",\"extensions\":[]}\n", {}};
}

// A type without a name in the protocol can be an input or output all the same: metadata must not fail.
std::string_view datatype(DType type) {
  std::string_view name = json::v2_name(type);
  return name.empty() ? "UNKNOWN" : name;
}

void append_ports(JsonWriter& out, const std::vector<artifact::Port>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const artifact::Port& port = ports[i];
    std::vector<std::int64_t> sizes;
    for (const artifact::PortDim& dim : port.dims) sizes.push_back(dim.size);
    out.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(port.name);
    out.raw(fmt::format(",\"datatype\":\"{}\",\"shape\":[{}]}}", datatype(port.type), fmt::join(sizes, ",")));
  }
}

Result<ServerResponse> try_model_metadata(const RequestContext& context) {
  auto model = TRY(context.service.select(context.selector()));
  JsonWriter body(model->settings().max_response);
  body.raw("{\"name\":").string(model->info().name).raw(",\"versions\":[").string(model->info().version);
  body.raw("],\"platform\":\"modelctl_native\",\"inputs\":[");
  append_ports(body, model->signature().inputs);
  body.raw("],\"outputs\":[");
  append_ports(body, model->signature().outputs);
  body.raw("]}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

ServerResponse model_metadata(const RequestContext& context) {
  auto response = try_model_metadata(context);
  return response ? std::move(*response) : error_response(response.error());
}

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

using Members = std::vector<json::Member>;

// A request's body, read once: of each tensor only where its parts begin.
struct Body {
  std::optional<std::vector<Members>> inputs, outputs;  // absent: the body has no such list
  std::optional<std::string> id;
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

Result<Body> read_body(json::Cursor& in) {
  Body body;
  bool good = in.object([&](const std::string& key) {
    if (key == "inputs") return read_objects(in, body.inputs.emplace());
    if (key == "outputs") return read_objects(in, body.outputs.emplace());
    if (key == "id" && in.peek() == '"') return in.string(body.id.emplace());
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

// One element of the list 'inputs'.
Result<Tensor> read_tensor(json::Cursor& in, const Members& members, const artifact::Port& port,
                           const LoadedModel& model) {
  std::string what = fmt::format("the input '{}'", port.name);
  auto type = text_of(in, members, "datatype");
  if (!type) return bad_request(fmt::format("cannot read {}: 'datatype' is missing", what));
  if (*type != json::v2_name(port.type)) {
    return bad_request(fmt::format("cannot read {}: its datatype is '{}' but the model takes '{}'", what, *type,
                                   json::v2_name(port.type)));
  }
  const json::Member *shape = find(members, "shape"), *data = find(members, "data");
  if (shape == nullptr) return bad_request(fmt::format("cannot read {}: 'shape' is missing", what));
  if (data == nullptr) return bad_request(fmt::format("cannot read {}: 'data' is missing", what));
  Dims dims;
  in.go_to(shape->at);
  if (!json::read_shape(in, dims)) return unreadable(what, in);
  return read_input(in, data->at, port, std::move(dims), model);
}

Result<std::vector<Tensor>> read_inputs(json::Cursor& in, const Body& body, const LoadedModel& model) {
  if (!body.inputs) return bad_request("the body is not an object with a list 'inputs'");
  std::map<std::string, Tensor> named;
  for (const Members& members : *body.inputs) {
    std::string name = text_of(in, members, "name").value_or("");
    const artifact::Port* port = TRY(find_input(model.signature(), name));
    if (named.contains(name)) return bad_request(fmt::format("the input '{}' is given twice", name));
    named.emplace(name, TRY(read_tensor(in, members, *port, model)));
  }
  return in_order(model.signature(), std::move(named));
}

// The outputs that the client asks for, by position; all of them if it names none.
Result<std::vector<std::size_t>> wanted_outputs(json::Cursor& in, const Body& body,
                                                const artifact::Signature& signature) {
  std::vector<std::size_t> wanted;
  if (!body.outputs) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) wanted.push_back(i);
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
    if (std::find(wanted.begin(), wanted.end(), at) != wanted.end())
      return bad_request(fmt::format("the output '{}' is asked for twice", name));
    wanted.push_back(at);
  }
  return wanted;
}

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  json::Cursor in(context.request.body);
  Body body = TRY(read_body(in));
  DecodedRequest decoded;
  decoded.outputs = TRY(wanted_outputs(in, body, model.signature()));
  decoded.inputs = TRY(read_inputs(in, body, model));
  decoded.id = std::move(body.id);
  return decoded;
}

Result<ServerResponse> encode(const DecodedRequest& request, const LoadedModel& model,
                              std::span<const Tensor> outputs) {
  JsonWriter out(model.settings().max_response);
  out.raw("{\"model_name\":").string(model.info().name);
  out.raw(",\"model_version\":").string(model.info().version);
  if (request.id) out.raw(",\"id\":").string(*request.id);
  out.raw(",\"outputs\":[");
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    const Tensor& output = outputs[request.outputs[i]];
    out.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(model.signature().outputs[request.outputs[i]].name);
    out.raw(fmt::format(",\"shape\":[{}],\"datatype\":\"{}\",\"data\":", fmt::join(output.dims(), ","),
                        json::v2_name(output.type())));
    out.flat(output.view()).raw("}");
  }
  out.raw("]}\n");
  ServerResponse response;
  response.body = TRY(out.done());
  return response;
}

constexpr Route routes[] = {
    {"GET", "/v2", server_metadata},
    {"GET", "/v2/health/live", live},
    {"GET", "/v2/health/ready", ready},
    {"GET", "/v2/models/{model}", model_metadata},
    {"GET", "/v2/models/{model}/versions/{version}", model_metadata},
    {"GET", "/v2/models/{model}/ready", model_ready},
    {"GET", "/v2/models/{model}/versions/{version}/ready", model_ready},
    {"POST", "/v2/models/{model}/infer", nullptr, decode, encode},
    {"POST", "/v2/models/{model}/versions/{version}/infer", nullptr, decode, encode},
};
constexpr DialectDef defs[] = {{"v2", routes}};

}  // namespace

std::span<const DialectDef> v2_dialect() { return defs; }

}  // namespace modelctl::serve
