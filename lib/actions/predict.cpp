// A server is not trusted: what it sends is bounded, and read by the readers that read what users give.
#include "actions/predict.hpp"

#include "actions/input_options.hpp"
#include "actions/token_file.hpp"
#include "artifact/meaning.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "http/client.hpp"
#include "serve/formats/json_writer.hpp"
#include "serve/formats/raw_tensor.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace modelctl::actions {
namespace {

constexpr std::uint64_t description_limit = 16 << 20;
constexpr std::uint64_t response_limit = std::uint64_t{1} << 32;
constexpr const char* json_length_header = "Inference-Header-Content-Length";

using formats::NamedTensor;

// Sends one request and has its whole response.
class Connection {
 public:
  Connection(const PredictRequest& request, Host& host)
      : client_({.ca_file = request.remote.ca_file,
                 .plain_http = request.remote.plain_http,
                 .total_timeout = std::chrono::milliseconds(std::llround(request.timeout_seconds * 1000))},
                host) {}

  struct Response {
    http::HttpResponse head;
    std::string body;
  };
  void use(std::unique_ptr<http::Authorizer> authorizer) { client_.use(std::move(authorizer)); }
  Result<Response> get(const http::Url& url) { return send({.method = "GET", .url = url}, "describe the model"); }
  Result<Response> post(const http::Url& url, std::string_view body, std::vector<http::Header> headers) {
    http::HttpRequest request{.method = "POST", .url = url, .headers = std::move(headers)};
    request.body.push_back(as_bytes(body));
    return send(request, "predict", response_limit);
  }

 private:
  Result<Response> send(const http::HttpRequest& request, std::string_view what,
                        std::uint64_t limit = description_limit) {
    // Not repeated: who asks knows best what a late answer is worth, and the exit code says that it may come later.
    auto head = TRY(client_.expect(request, {200}, fmt::format("cannot {}", what), http::Client::Retry::no));
    std::string body = TRY(head.text(limit));
    return Response{std::move(head), std::move(body)};
  }

  http::Client client_;
};

Error nonsense(const http::Url& url, std::string reason) {
  return Error(Kind::protocol, "bad-response", "cannot use the server's response")
      .at(http::redacted(url))
      .because(std::move(reason));
}

// The Open Inference Protocol, version 2.
class V2 {
 public:
  V2(http::Url url, Connection& connection) : url_(std::move(url)), connection_(connection) {}

  // Completes the URL to that of a model.
  Result<void> select_model() {
    std::size_t at = url_.path.find("/v2/models/");
    if (at != std::string::npos) {
      base_ = url_.path.substr(0, at);
      return {};
    }
    base_ = url_.path == "/" ? "" : url_.path;
    http::Url index = at_path(base_ + "/v2/repository/index");
    auto response = TRY(connection_.post(index, "{}", {{"Content-Type", "application/json"}}));
    std::vector<std::string> names;
    Json list = TRY(parse_json(response.body, http::redacted(index)));
    if (!list.is_array()) return nonsense(index, "it is not a list of models");
    for (const Json& item : list) {
      if (json_string(item, "state", "").value_or("READY") != "READY") continue;
      std::string name = TRY(json_string(item, "name", http::redacted(index)));
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    if (names.size() != 1) {
      return Error(Kind::usage, "model-not-named",
                   names.empty() ? "the server has no model that is ready"
                                 : fmt::format("the server has several models: {}", fmt::join(names, ", ")))
          .at(http::redacted(url_))
          .help("name one in the URL: http://HOST/v2/models/NAME");
    }
    url_ = at_path(base_ + "/v2/models/" + http::percent_encoded(names[0]));
    return {};
  }

  Result<std::vector<formats::Expected>> describe() {
    auto response = TRY(connection_.get(url_));
    std::string where = http::redacted(url_);
    Json model = TRY(parse_json(response.body, where));
    std::vector<formats::Expected> inputs;
    for (const Json& input : *TRY(json_array(model, "inputs", where))) {
      formats::Expected expected{TRY(json_string(input, "name", where))};
      std::string type = TRY(json_string(input, "datatype", where));
      auto known = json::type_of_v2(type);
      if (!known) return nonsense(url_, fmt::format("the input '{}' has the unknown type '{}'", expected.name, type));
      expected.type = *known;
      expected.dims = Dims();
      for (const Json& size : *TRY(json_array(input, "shape", where))) {
        if (!size.is_number_integer() || expected.dims->size() == max_rank)
          return nonsense(url_, fmt::format("the input '{}' has no shape", expected.name));
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
    return read(TRY(connection_.post(url, body, std::move(headers))));
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
    auto response = TRY(connection_.get(url));
    Json server = TRY(parse_json(response.body, http::redacted(url)));
    auto extensions = json_array(server, "extensions", "");
    if (!extensions) return false;
    const Json& all = **extensions;
    return std::find(all.begin(), all.end(), Json("binary_tensor_data")) != all.end();
  }

  Result<PredictReport> read(const Connection::Response& response) const {
    std::string_view all = response.body;
    std::size_t length = all.size();
    if (auto text = response.head.header(json_length_header)) {
      auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), length);
      if (code != std::errc() || end != text->data() + text->size() || length > all.size())
        return nonsense(url_, fmt::format("'{}' is not a length within it", json_length_header));
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
      return nonsense(url_, fmt::format("the output '{}' has no known type or shape", named.name));
    auto parameters = json_object(output, "parameters", where);
    auto size =
        parameters ? json_unsigned(**parameters, "binary_data_size", where) : Result<std::uint64_t>(parameters.error());
    if (size) {
      if (*size > bytes.size()) return nonsense(url_, fmt::format("the output '{}' goes beyond its end", named.name));
      named.tensor = TRY(serve::read_raw(bytes.substr(0, *size), *type, std::move(dims)));
      bytes.remove_prefix(*size);
      return named;
    }
    std::string data = TRY(json_array(output, "data", where))->dump();
    json::Cursor list(data);
    if (!json::read_tensor(list, {*type, std::move(dims)}, named.tensor))
      return nonsense(url_, fmt::format("the output '{}': {}", named.name, list.fault()));
    return named;
  }

  http::Url url_;
  std::string base_;  // of the path, before /v2
  artifact::Metadata meanings_;
  Connection& connection_;
};

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
  if (!good || prediction == nullptr) return nonsense(url, "it is not an object with 'prediction'");
  in.go_to(prediction->at);
  if (in.peek() != '{') outputs.push_back({"prediction", prediction->at});
  else in.object(outputs);
  std::vector<NamedTensor> tensors;
  for (const json::Member& output : outputs) {
    in.go_to(output.at);
    Tensor tensor;
    if (!json::read_tensor(in, {}, tensor)) return nonsense(url, fmt::format("'{}': {}", output.key, in.fault()));
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

}  // namespace

Result<PredictReport> predict(const PredictRequest& request, Host& host) {
  auto url = TRY(http::Url::parse(request.url));
  Connection connection(request, host);
  if (!request.token_file.empty()) connection.use(TRY(token_from_file(request.token_file, url)));
  formats::ReadOptions options = input_options(request.header, {}, host);
  PredictReport report;
  auto timed = [&host](auto&& call) {
    auto start = host.clock.steady();
    auto result = call();
    return std::pair(std::move(result), std::chrono::duration<double>(host.clock.steady() - start).count());
  };
  if (request.protocol == "v2") {
    V2 v2(std::move(url), connection);
    TRY(v2.select_model());
    auto expected = TRY(v2.describe());
    auto inputs = TRY(formats::load_inputs(request.inputs, expected, options));
    auto [answer, seconds] = timed([&] { return v2.infer(expected, inputs); });
    report = TRY(std::move(answer));
    report.metadata = v2.meanings();
    report.seconds = seconds;
  } else {
    if (url.path == "/") url.path = "/predict";
    PlainBody body = TRY(plain_body(request.inputs, options));
    auto [answer, seconds] = timed([&] {
      return connection.post(url, body.content, {{"Content-Type", body.media_type}});
    });
    auto response = TRY(std::move(answer));
    report.outputs = TRY(plain_outputs(url, response.body));
    report.seconds = seconds;
  }
  if (!request.output.empty()) report.written = TRY(formats::save_outputs(request.output, report.outputs));
  return report;
}

}  // namespace modelctl::actions
