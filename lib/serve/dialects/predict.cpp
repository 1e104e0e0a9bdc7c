// The plain dialect: POST /predict with {"data": …} (or "instances", or "inputs"), where … is the tensor as nested
// lists for a model of one input, or an object with one list per input's name. The response is {"prediction": …}
// in the same form.
// A server of several models has the second route for each of them.
// It is what small Flask and FastAPI services look like, so that a client of one of those needs a new address only.
#include "serve/dialect.hpp"
#include "serve/inputs.hpp"
#include "serve/json_writer.hpp"

#include <fmt/core.h>

namespace modelctl::serve {
namespace {

Result<std::vector<Tensor>> read_inputs(const LoadedModel& model, std::string_view body) {
  const artifact::Signature& signature = model.signature();
  json::Cursor in(body);
  auto members = TRY(read_members(in));
  const json::Member* data = nullptr;
  for (std::string_view name : {"data", "instances", "inputs"}) {
    const json::Member* member = find(members, name);
    if (member != nullptr && data != nullptr)
      return Error(Kind::bad_input, "bad-request", "the body has more than one of 'data', 'instances' and 'inputs'");
    if (member != nullptr) data = member;
  }
  if (data == nullptr) {
    return Error(Kind::bad_input, "bad-request", "the body is not an object with 'data' (or 'instances', or 'inputs')");
  }
  std::map<std::string, Tensor> named;
  in.go_to(data->at);
  if (in.peek() == '{') {
    std::vector<json::Member> inputs;
    if (!in.object(inputs)) return unreadable("the inputs", in);
    for (const json::Member& input : inputs) {
      const artifact::Port* port = TRY(find_input(signature, input.key));
      named.emplace(input.key, TRY(read_input(in, input.at, *port, std::nullopt, model)));
    }
  } else {
    if (signature.inputs.size() != 1) {
      return Error(Kind::bad_input, "bad-request",
                   fmt::format("the model has the inputs {}: give 'data' as an object with a list for each",
                               names(signature.inputs)));
    }
    const artifact::Port& port = signature.inputs[0];
    named.emplace(port.name, TRY(read_input(in, data->at, port, std::nullopt, model)));
  }
  return in_order(signature, std::move(named));
}

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  DecodedRequest decoded;
  decoded.inputs = TRY(read_inputs(model, context.request.body));
  return decoded;
}

Result<ServerResponse> encode(const DecodedRequest&, const LoadedModel& model, std::span<const Tensor> outputs) {
  JsonWriter body(model.settings());
  body.raw("{\"prediction\":");
  const auto& ports = model.signature().outputs;
  if (outputs.size() == 1) {
    body.nested(outputs[0].view());
  } else {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      body.raw(i == 0 ? "{" : ",").string(ports[i].name).raw(":").nested(outputs[i].view());
    }
    body.raw("}");
  }
  body.raw("}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

constexpr Route routes[] = {
    {.method = "POST", .pattern = "/predict", .decode = decode, .encode = encode},
    {.method = "POST", .pattern = "/models/{model}/predict", .decode = decode, .encode = encode},
    {.method = "POST", .pattern = "/models/{model}/versions/{version}/predict", .decode = decode, .encode = encode},
};
constexpr DialectDef defs[] = {{"predict", routes}};

}  // namespace

std::span<const DialectDef> predict_dialect() { return defs; }

}  // namespace modelctl::serve
