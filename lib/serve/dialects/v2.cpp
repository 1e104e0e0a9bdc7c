// The Open Inference Protocol, version 2, REST with JSON tensors (kserve.github.io, "Open Inference Protocol (V2)").
#include "serve/dialect.hpp"
#include "serve/inputs.hpp"
#include "serve/json.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

struct Name {
  DType type;
  std::string_view text;
};
constexpr Name datatypes[] = {
    {DType::boolean, "BOOL"}, {DType::u8, "UINT8"},  {DType::u16, "UINT16"}, {DType::u32, "UINT32"},
    {DType::u64, "UINT64"},   {DType::i8, "INT8"},   {DType::i16, "INT16"},  {DType::i32, "INT32"},
    {DType::i64, "INT64"},    {DType::f16, "FP16"},  {DType::f32, "FP32"},   {DType::f64, "FP64"},
    {DType::string, "BYTES"}, {DType::bf16, "BF16"},
};

std::string_view datatype(DType type) {
  for (const Name& name : datatypes) {
    if (name.type == type) return name.text;
  }
  return "UNKNOWN";
}

// Answers the model where the route's name (and version, where it has one) is its own.
Result<std::shared_ptr<LoadedModel>> named_model(const Exchange& exchange) {
  auto model = TRY(loaded(exchange.service));
  const ModelInfo& info = model->info();
  if (exchange.parameters[0] != info.name) {
    return Error(Kind::not_found, "no-such-model",
                 fmt::format("there is no model '{}' here; there is '{}'", exchange.parameters[0], info.name));
  }
  if (exchange.parameters.size() > 1 && exchange.parameters[1] != info.version) {
    return Error(Kind::not_found, "no-such-version",
                 fmt::format("there is no version '{}' of '{}' here; there is '{}'", exchange.parameters[1], info.name,
                             info.version));
  }
  return model;
}

HttpResponse live(const Exchange&) { return {200, "application/json", "{\"live\":true}\n", {}}; }

HttpResponse ready(const Exchange& exchange) {
  bool good = exchange.service.ready();
  return {good ? 200 : 503, "application/json", good ? "{\"ready\":true}\n" : "{\"ready\":false}\n", {}};
}

HttpResponse model_ready(const Exchange& exchange) {
  auto model = named_model(exchange);
  if (!model) return error_response(model.error());
  return ready(exchange);
}

HttpResponse server_metadata(const Exchange&) {
  return {
      200, "application/json", "{\"name\":\"modelctl\",\"version\":\"" MODELCTL_VERSION "\",\"extensions\":[]}\n", {}};
}

void append_ports(JsonText& out, const std::vector<artifact::Port>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const artifact::Port& port = ports[i];
    std::vector<std::int64_t> sizes;
    for (const artifact::PortDim& dim : port.dims) sizes.push_back(dim.size);
    out.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(port.name);
    out.raw(fmt::format(",\"datatype\":\"{}\",\"shape\":[{}]}}", datatype(port.type), fmt::join(sizes, ",")));
  }
}

Result<HttpResponse> try_model_metadata(const Exchange& exchange) {
  auto model = TRY(named_model(exchange));
  JsonText body(model->limits().response_bytes);
  body.raw("{\"name\":").string(model->info().name).raw(",\"versions\":[").string(model->info().version);
  body.raw("],\"platform\":\"modelctl_native\",\"inputs\":[");
  append_ports(body, model->signature().inputs);
  body.raw("],\"outputs\":[");
  append_ports(body, model->signature().outputs);
  body.raw("]}\n");
  HttpResponse response;
  response.body = TRY(body.done());
  return response;
}

HttpResponse model_metadata(const Exchange& exchange) {
  auto response = try_model_metadata(exchange);
  return response ? std::move(*response) : error_response(response.error());
}

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

Result<Tensor> read_input(const artifact::Port& port, JsonRef input) {
  std::string place = fmt::format("the input '{}'", port.name);
  auto type = input.member("datatype").text();
  if (!type) return bad_request(fmt::format("cannot read {}: 'datatype' is missing", place));
  if (*type != datatype(port.type)) {
    return bad_request(fmt::format("cannot read {}: its datatype is '{}' but the model takes '{}'", place, *type,
                                   datatype(port.type)));
  }
  if (port.type == DType::f16 || port.type == DType::bf16) {
    return bad_request(fmt::format("cannot read {}: {} has no JSON form", place, *type));
  }
  if (!input.member("shape").is_array()) return bad_request(fmt::format("cannot read {}: 'shape' is missing", place));
  Dims shape;
  for (JsonRef size : input.member("shape").elements()) {
    auto number = size.integer();
    if (!number || *number < 0)
      return bad_request(fmt::format("cannot read {}: 'shape' has an element that is no size", place));
    shape.push_back(*number);
  }
  if (shape.size() > max_rank || !element_count(shape))
    return bad_request(fmt::format("cannot read {}: its shape is too large", place));
  return tensor_from_json(input.member("data"), port.type, shape, place);
}

// The outputs that the caller asked for, by position; all where it asked for none.
Result<std::vector<std::size_t>> wanted_outputs(const artifact::Signature& signature, JsonRef root) {
  std::vector<std::size_t> wanted;
  JsonRef list = root.member("outputs");
  if (!list.present()) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) wanted.push_back(i);
    return wanted;
  }
  if (!list.is_array()) return bad_request("'outputs' is no list");
  for (JsonRef output : list.elements()) {
    std::string name = output.member("name").text().value_or("");
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

Result<HttpResponse> try_infer(const Exchange& exchange) {
  auto model = TRY(named_model(exchange));
  const artifact::Signature& signature = model->signature();
  auto document = TRY(JsonDocument::parse(exchange.request.body));
  JsonRef root = document.root();
  if (!root.member("inputs").is_array()) return bad_request("the body is no object with a list 'inputs'");
  std::map<std::string, Tensor> named;
  for (JsonRef input : root.member("inputs").elements()) {
    std::string name = input.member("name").text().value_or("");
    const artifact::Port* port = TRY(find_input(signature, name));
    if (!named.emplace(name, TRY(read_input(*port, input))).second) {
      return bad_request(fmt::format("the input '{}' is given twice", name));
    }
  }
  auto wanted = TRY(wanted_outputs(signature, root));
  auto inputs = TRY(in_order(signature, std::move(named)));
  auto outputs = TRY(predict(*model, inputs));

  JsonText body(model->limits().response_bytes);
  body.raw("{\"model_name\":").string(model->info().name);
  body.raw(",\"model_version\":").string(model->info().version);
  if (auto id = root.member("id").text()) body.raw(",\"id\":").string(*id);
  body.raw(",\"outputs\":[");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Tensor& output = outputs[wanted[i]];
    body.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(signature.outputs[wanted[i]].name);
    body.raw(fmt::format(",\"shape\":[{}],\"datatype\":\"{}\",\"data\":", fmt::join(output.dims(), ","),
                         datatype(output.type())));
    body.flat(output.view()).raw("}");
  }
  body.raw("]}\n");
  HttpResponse response;
  response.body = TRY(body.done());
  return response;
}

HttpResponse infer(const Exchange& exchange) {
  auto response = try_infer(exchange);
  return response ? std::move(*response) : error_response(response.error());
}

constexpr Route routes[] = {
    {"GET", "/v2", false, server_metadata},
    {"GET", "/v2/health/live", false, live},
    {"GET", "/v2/health/ready", false, ready},
    {"GET", "/v2/models/{}", false, model_metadata},
    {"GET", "/v2/models/{}/versions/{}", false, model_metadata},
    {"GET", "/v2/models/{}/ready", false, model_ready},
    {"GET", "/v2/models/{}/versions/{}/ready", false, model_ready},
    {"POST", "/v2/models/{}/infer", true, infer},
    {"POST", "/v2/models/{}/versions/{}/infer", true, infer},
};
constexpr DialectDef defs[] = {{"v2", routes}};

}  // namespace

std::span<const DialectDef> v2_dialect() { return defs; }

}  // namespace modelctl::serve
