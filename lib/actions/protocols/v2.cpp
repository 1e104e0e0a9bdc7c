// The Open Inference Protocol, version 2, by REST. The server's description of the model says what the inputs are.
#include "actions/http_exchange.hpp"
#include "actions/protocol.hpp"
#include "artifact/meaning.hpp"
#include "base/json.hpp"
#include "serve/formats/json_writer.hpp"
#include "serve/formats/raw_tensor.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace modelctl::actions {
namespace {

using formats::NamedTensor;

constexpr const char* json_length_header = "Inference-Header-Content-Length";

class V2 {
 public:
  V2(http::Url url, HttpExchange& exchange) : url_(std::move(url)), exchange_(exchange) {}

  // Completes the URL to that of a model.
  Result<void> select_model() {
    std::size_t at = url_.path.find("/v2/models/");
    if (at != std::string::npos) {
      base_ = url_.path.substr(0, at);
      return {};
    }
    base_ = url_.path == "/" ? "" : url_.path;
    http::Url index = at_path(base_ + "/v2/repository/index");
    auto response = TRY(exchange_.post(index, "{}", {{"Content-Type", "application/json"}}));
    std::vector<std::string> names;
    Json list = TRY(parse_json(response.body, http::redacted(index)));
    if (!list.is_array()) return bad_response(http::redacted(index), "it is not a list of models");
    for (const Json& item : list) {
      if (json_string(item, "state", "").value_or("READY") != "READY") continue;
      std::string name = TRY(json_string(item, "name", http::redacted(index)));
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    std::string name = TRY(only_model(names, http::redacted(url_), "http://HOST/v2/models/NAME"));
    url_ = at_path(base_ + "/v2/models/" + http::percent_encoded(name));
    return {};
  }

  Result<std::vector<formats::Expected>> describe() {
    auto response = TRY(exchange_.get(url_));
    std::string where = http::redacted(url_);
    Json model = TRY(parse_json(response.body, where));
    std::vector<formats::Expected> inputs;
    for (const Json& input : *TRY(json_array(model, "inputs", where))) {
      formats::Expected expected{TRY(json_string(input, "name", where))};
      std::string type = TRY(json_string(input, "datatype", where));
      auto known = json::type_of_v2(type);
      if (!known)
        return bad_response(http::redacted(url_),
                            fmt::format("the input '{}' has the unknown type '{}'", expected.name, type));
      expected.type = *known;
      expected.dims = Dims();
      for (const Json& size : *TRY(json_array(input, "shape", where))) {
        if (!size.is_number_integer() || expected.dims->size() == max_rank)
          return bad_response(http::redacted(url_), fmt::format("the input '{}' has no shape", expected.name));
        expected.dims->push_back(size.get<std::int64_t>());
      }
      expected.file = content_of(input) == artifact::word(artifact::Content::image);
      inputs.push_back(std::move(expected));
    }
    for (const Json& output : *TRY(json_array(model, "outputs", where))) {
      std::string name = TRY(json_string(output, "name", where)), content = content_of(output);
      if (!content.empty()) meanings_[artifact::meaning_key(artifact::Side::output, name)] = content;
    }
    return inputs;
  }

  // What outputs mean, as the metadata of a plan have it. Another server says nothing of that.
  const artifact::Metadata& meanings() const { return meanings_; }

  // Tensors travel as bytes if the server says that it has that extension.
  Result<PredictReport> infer(std::span<const formats::Expected> expected, std::span<const Tensor> inputs) {
    bool binary = TRY(has_binary_tensors());
    serve::JsonWriter head(response_limit);
    std::string bytes;
    head.raw("{\"inputs\":[");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].present()) continue;
      const Tensor& tensor = inputs[i];
      head.raw(i == 0 ? "{\"name\":" : ",{\"name\":").string(expected[i].name);
      head.raw(fmt::format(",\"shape\":[{}],\"datatype\":\"{}\"", fmt::join(tensor.dims(), ","),
                           json::v2_name(tensor.type())));
      if (binary && serve::append_raw(bytes, tensor.view()))
        head.raw(fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}", serve::raw_size(tensor.view())));
      else head.raw(",\"data\":").flat(tensor.view()).raw("}");
    }
    head.raw(binary ? "],\"parameters\":{\"binary_data_output\":true}}" : "]}");
    std::string body = TRY(head.done());
    std::vector<http::Header> headers{{"Content-Type", binary ? "application/octet-stream" : "application/json"}};
    if (binary) headers.push_back({json_length_header, std::to_string(body.size())});
    body += bytes;
    http::Url url = url_;
    url.path += "/infer";
    return read(TRY(exchange_.post(url, body, std::move(headers))));
  }

 private:
  http::Url at_path(std::string path) const {
    http::Url url = url_;
    url.path = std::move(path);
    return url;
  }

  static std::string content_of(const Json& port) {
    auto parameters = json_object(port, "parameters", "");
    return parameters ? json_string(**parameters, "content", "").value_or("") : "";
  }

  Result<bool> has_binary_tensors() {
    http::Url url = at_path(base_ + "/v2");
    auto response = TRY(exchange_.get(url));
    Json server = TRY(parse_json(response.body, http::redacted(url)));
    auto extensions = json_array(server, "extensions", "");
    if (!extensions) return false;
    const Json& all = **extensions;
    return std::find(all.begin(), all.end(), Json("binary_tensor_data")) != all.end();
  }

  Result<PredictReport> read(const HttpExchange::Response& response) const {
    std::string_view all = response.body;
    std::size_t length = all.size();
    if (auto text = response.head.header(json_length_header)) {
      auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), length);
      if (code != std::errc() || end != text->data() + text->size() || length > all.size())
        return bad_response(http::redacted(url_), fmt::format("'{}' is not a length within it", json_length_header));
    }
    std::string where = http::redacted(url_);
    Json head = TRY(parse_json(all.substr(0, length), where));
    all.remove_prefix(length);
    PredictReport report;
    report.model = json_string(head, "model_name", "").value_or("");
    report.version = json_string(head, "model_version", "").value_or("");
    for (const Json& output : *TRY(json_array(head, "outputs", where)))
      report.outputs.push_back(TRY(read_output(output, where, all)));
    return report;
  }

  // `bytes` is what is left of the binary data.
  Result<NamedTensor> read_output(const Json& output, const std::string& where, std::string_view& bytes) const {
    NamedTensor named{TRY(json_string(output, "name", where)), {}};
    auto type = json::type_of_v2(TRY(json_string(output, "datatype", where)));
    std::string shape = TRY(json_array(output, "shape", where))->dump();
    json::Cursor in(shape);
    Dims dims;
    if (!type || !json::read_shape(in, dims))
      return bad_response(http::redacted(url_), fmt::format("the output '{}' has no known type or shape", named.name));
    auto parameters = json_object(output, "parameters", where);
    auto size =
        parameters ? json_unsigned(**parameters, "binary_data_size", where) : Result<std::uint64_t>(parameters.error());
    if (size) {
      if (*size > bytes.size())
        return bad_response(http::redacted(url_), fmt::format("the output '{}' goes beyond its end", named.name));
      named.tensor = TRY(serve::read_raw(bytes.substr(0, *size), *type, std::move(dims)));
      bytes.remove_prefix(*size);
      return named;
    }
    std::string data = TRY(json_array(output, "data", where))->dump();
    json::Cursor list(data);
    if (!json::read_tensor(list, {*type, std::move(dims)}, named.tensor))
      return bad_response(http::redacted(url_), fmt::format("the output '{}': {}", named.name, list.fault()));
    return named;
  }

  http::Url url_;
  std::string base_;  // of the path, before /v2
  artifact::Metadata meanings_;
  HttpExchange& exchange_;
};

Result<PredictReport> predict(const ProtocolContext& context) {
  auto url = TRY(http::Url::parse(context.request.url));
  HttpExchange exchange = TRY(HttpExchange::open(context.request, url, context.host));
  V2 v2(std::move(url), exchange);
  TRY(v2.select_model());
  auto expected = TRY(v2.describe());
  auto inputs = TRY(formats::load_inputs(context.request.inputs, expected, context.reading));
  Stopwatch stopwatch(context.host.clock);
  PredictReport report = TRY(v2.infer(expected, inputs));
  report.seconds = stopwatch.seconds();
  report.metadata = v2.meanings();
  return report;
}

constexpr ProtocolDef defs[] = {
    {.name = "v2", .summary = "the Open Inference Protocol by REST", .schemes = {}, .predict = predict}};

}  // namespace

std::span<const ProtocolDef> v2_protocol() { return defs; }

}  // namespace modelctl::actions
