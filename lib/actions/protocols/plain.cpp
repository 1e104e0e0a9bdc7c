// JSON for POST /predict, as many servers take it. There is no description of the model: files are read by their names
// alone.
#include "actions/http_exchange.hpp"
#include "actions/protocol.hpp"
#include "base/files.hpp"
#include "serve/formats/json_writer.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/format.h>

namespace modelctl::actions {
namespace {

using formats::NamedTensor;

// {"data": …} for one input without a name, else {"inputs": {"x": …}}.
Result<std::string> json_body(const std::vector<NamedTensor>& inputs) {
  serve::JsonWriter out(response_limit);
  bool alone = inputs.size() == 1 && inputs[0].name.empty();
  out.raw(alone ? "{\"data\":" : "{\"inputs\":{");
  for (const NamedTensor& input : inputs) {
    if (!alone) out.raw(&input == inputs.data() ? "" : ",").string(input.name).raw(":");
    out.nested(input.tensor.view());
  }
  out.raw(alone ? "}" : "}}");
  return out.done();
}

// The value of "prediction", or of "predictions" as others name it: a tensor, or an object of them.
Result<std::vector<NamedTensor>> plain_outputs(const http::Url& url, std::string_view body) {
  json::Cursor in(body);
  std::vector<json::Member> members, outputs;
  bool good = in.object(members);
  const json::Member* prediction = json::find(members, "prediction");
  if (prediction == nullptr) prediction = json::find(members, "predictions");
  if (!good || prediction == nullptr) return bad_response(http::redacted(url), "it is not an object with 'prediction'");
  in.go_to(prediction->at);
  if (in.peek() != '{') outputs.push_back({"prediction", prediction->at});
  else in.object(outputs);
  std::vector<NamedTensor> tensors;
  for (const json::Member& output : outputs) {
    in.go_to(output.at);
    Tensor tensor;
    if (!json::read_tensor(in, {}, tensor))
      return bad_response(http::redacted(url), fmt::format("'{}': {}", output.key, in.fault()));
    tensors.push_back({output.key, std::move(tensor)});
  }
  return tensors;
}

// Files by their names alone: nobody says what the model's inputs are.
Result<std::vector<NamedTensor>> load_plain(const std::vector<std::string>& arguments,
                                            const formats::ReadOptions& options) {
  std::vector<NamedTensor> inputs;
  for (const std::string& argument : arguments) {
    std::size_t equals = formats::is_literal(argument) ? std::string::npos : argument.find('=');
    bool named = equals != std::string::npos;
    auto tensors = TRY(formats::load(named ? argument.substr(equals + 1) : argument, {}, options));
    for (NamedTensor& tensor : tensors) {
      if (named && tensors.size() == 1) tensor.name = argument.substr(0, equals);
      inputs.push_back(std::move(tensor));
    }
  }
  return inputs;
}

// A body of /predict and its type.
struct PlainBody {
  std::string content, media_type = "application/json";
};

// An image alone is the body: the server knows whether the model takes the file or its pixels.
Result<PlainBody> plain_body(const std::vector<std::string>& arguments, const formats::ReadOptions& options) {
  if (arguments.size() == 1 && !formats::is_literal(arguments[0])) {
    std::string file = arguments[0].substr(arguments[0].find('=') + 1);  // npos + 1 is 0
    auto format = formats::format_of(file);
    if (format && (*format)->media_type.starts_with("image/"))
      return PlainBody{std::string(as_text(TRY(read_file(file)))), std::string((*format)->media_type)};
  }
  return PlainBody{TRY(json_body(TRY(load_plain(arguments, options))))};
}

Result<PredictReport> predict(const ProtocolContext& context) {
  auto url = TRY(http::Url::parse(context.request.url));
  if (url.path == "/") url.path = "/predict";
  HttpExchange exchange = TRY(HttpExchange::open(context.request, url, context.host));
  PlainBody body = TRY(plain_body(context.request.inputs, context.reading));
  Stopwatch stopwatch(context.host.clock);
  auto response = TRY(exchange.post(url, body.content, {{"Content-Type", body.media_type}}));
  PredictReport report;
  report.seconds = stopwatch.seconds();
  report.outputs = TRY(plain_outputs(url, response.body));
  return report;
}

constexpr ProtocolDef defs[] = {
    {.name = "predict", .summary = "JSON for POST /predict", .schemes = {}, .predict = predict}};

}  // namespace

std::span<const ProtocolDef> plain_protocol() { return defs; }

}  // namespace modelctl::actions
