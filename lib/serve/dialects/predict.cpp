// The plain dialect: POST /predict with {"data": …} (or "instances", or "inputs"), where … is the tensor as nested
// lists for a model of one input, or an object with one list per input's name. The answer is {"prediction": …}
// likewise.
#include "serve/dialect.hpp"
#include "serve/inputs.hpp"
#include "serve/json.hpp"

#include <fmt/core.h>

namespace modelctl::serve {
namespace {

Result<std::vector<Tensor>> read_inputs(const artifact::Signature& signature, JsonRef root) {
  JsonRef data;
  for (std::string_view name : {"data", "instances", "inputs"}) {
    if (JsonRef member = root.member(name); member.present()) {
      if (data.present())
        return Error(Kind::bad_input, "bad-request", "the body has more than one of 'data', 'instances' and 'inputs'");
      data = member;
    }
  }
  if (!data.present()) {
    return Error(Kind::bad_input, "bad-request", "the body is no object with 'data' (or 'instances', or 'inputs')");
  }
  std::map<std::string, Tensor> named;
  if (data.is_object()) {
    for (const auto& [name, list] : data.members()) {
      const artifact::Port* port = TRY(find_input(signature, name));
      named.emplace(name, TRY(tensor_from_json(list, port->type, std::nullopt, fmt::format("the input '{}'", name))));
    }
  } else {
    if (signature.inputs.size() != 1) {
      return Error(Kind::bad_input, "bad-request",
                   fmt::format("the model has the inputs {}: give 'data' as an object with a list for each",
                               names(signature.inputs)));
    }
    const artifact::Port& port = signature.inputs[0];
    named.emplace(port.name,
                  TRY(tensor_from_json(data, port.type, std::nullopt, fmt::format("the input '{}'", port.name))));
  }
  return in_order(signature, std::move(named));
}

Result<HttpResponse> try_predict(const Exchange& exchange) {
  auto model = TRY(loaded(exchange.service));
  auto document = TRY(JsonDocument::parse(exchange.request.body));
  auto inputs = TRY(read_inputs(model->signature(), document.root()));
  auto outputs = TRY(predict(*model, inputs));
  JsonText body(model->limits().response_bytes);
  body.raw("{\"prediction\":");
  const auto& ports = model->signature().outputs;
  if (outputs.size() == 1) {
    body.nested(outputs[0].view());
  } else {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      body.raw(i == 0 ? "{" : ",").string(ports[i].name).raw(":").nested(outputs[i].view());
    }
    body.raw("}");
  }
  body.raw("}\n");
  HttpResponse response;
  response.body = TRY(body.done());
  return response;
}

HttpResponse answer_predict(const Exchange& exchange) {
  auto response = try_predict(exchange);
  return response ? std::move(*response) : error_response(response.error());
}

constexpr Route routes[] = {{"POST", "/predict", true, answer_predict}};
constexpr DialectDef defs[] = {{"predict", routes}};

}  // namespace

std::span<const DialectDef> predict_dialect() { return defs; }

}  // namespace modelctl::serve
