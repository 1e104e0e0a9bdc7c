// The client's half: the field numbers are those of inference.proto.
#include "serve/grpc/client_message.hpp"

#include "serve/formats/raw_tensor.hpp"
#include "serve/grpc/tensor_message.hpp"
#include "serve/grpc/wire.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace modelctl::serve {
namespace {

using namespace wire;
using formats::NamedTensor;

constexpr std::uint64_t longest_message = std::numeric_limits<std::int32_t>::max();

Error bad_response(std::string reason) {
  return Error(Kind::protocol, "bad-response", "cannot use the server's response").because(std::move(reason));
}

// The reason of an error of the readers that both halves share.
Error bad_response(Error error) {
  std::string reason = error.what;
  for (const std::string& why : error.why) reason += ": " + why;
  return bad_response(std::move(reason));
}

// The value of an entry of the map `parameters` that is a string; empty for other keys and types.
std::string_view text_parameter(std::string_view entry, std::string_view key) {
  std::string_view found, value, text;
  each_bytes(entry, [&](int field, std::string_view view) {
    if (field == 1) found = view;
    if (field == 2) value = view;
    return true;
  });
  if (found != key) return {};
  each_bytes(value, [&](int field, std::string_view view) {
    if (field == 3) text = view;
    return true;
  });
  return text;
}

Result<DescribedTensor> read_described(std::string_view message) {
  auto parts = read_tensor_parts(message, "a tensor's description");
  if (!parts) return bad_response(std::move(parts).error());
  DescribedTensor tensor{.name = std::string(parts->name)};
  auto type = json::type_of_v2(parts->datatype);
  if (!type) return bad_response(fmt::format("'{}' has the unknown type '{}'", tensor.name, parts->datatype));
  tensor.type = *type;
  tensor.dims = std::move(parts->shape);
  for (std::string_view entry : parts->parameters) {
    if (std::string_view content = text_parameter(entry, "content"); !content.empty()) tensor.content = content;
  }
  return tensor;
}

Result<NamedTensor> read_output(std::string_view message, const std::string_view* raw) {
  auto parts = read_tensor_parts(message, "an output");
  if (!parts) return bad_response(std::move(parts).error());
  NamedTensor output{std::string(parts->name), {}};
  auto type = json::type_of_v2(parts->datatype);
  bool known = type && std::all_of(parts->shape.begin(), parts->shape.end(), [](std::int64_t dim) { return dim >= 0; });
  if (!known) return bad_response(fmt::format("the output '{}' has no known type or shape", output.name));
  auto tensor = raw == nullptr ? read_typed(parts->contents, *type, std::move(parts->shape))
                               : read_raw(*raw, *type, std::move(parts->shape));
  if (!tensor) {
    Error error = std::move(tensor).error();
    error.what = fmt::format("the output '{}': {}", output.name, error.what);
    return bad_response(std::move(error));
  }
  output.tensor = std::move(*tensor);
  return output;
}

std::string write_selector(const ModelSelector& selector) {
  std::string message;
  append_bytes(message, 1, selector.model);
  if (!selector.version.empty()) append_bytes(message, 2, selector.version);
  return message;
}

bool fits(std::string_view message) { return message.size() <= longest_message; }

}  // namespace

std::string write_metadata_request(const ModelSelector& selector) { return write_selector(selector); }

Result<ModelDescription> read_metadata_response(std::string_view message) {
  std::vector<std::string_view> inputs, outputs;
  bool good = fits(message) && each_bytes(message, [&](int field, std::string_view view) {
                if (field == 4) return append(inputs, view);
                return field != 5 || append(outputs, view);
              });
  if (!good) return bad_response(malformed("the description of the model"));
  ModelDescription description;
  for (std::string_view input : inputs) description.inputs.push_back(TRY(read_described(input)));
  for (std::string_view output : outputs) description.outputs.push_back(TRY(read_described(output)));
  return description;
}

std::string write_index_request() {
  std::string message;
  append_varint(message, varint_of(2));
  append_varint(message, 1);
  return message;
}

// Servers may return what is not ready, too. MLServer writes the state as Python prints it.
Result<std::vector<std::string>> read_index_response(std::string_view message) {
  std::vector<std::string_view> models;
  bool good = fits(message) &&
              each_bytes(message, [&](int field, std::string_view view) { return field != 1 || append(models, view); });
  std::vector<std::string> names;
  for (std::string_view model : models) {
    std::string_view name, state;
    good = good && each_bytes(model, [&](int field, std::string_view view) {
             if (field == 1) name = view;
             if (field == 3) state = view;
             return true;
           });
    bool ready = state.empty() || state == "READY" || state == "State.READY";
    if (ready && std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }
  if (!good) return bad_response(malformed("the list of models"));
  return names;
}

Result<std::string> write_infer_request(const ModelSelector& selector, std::span<const NamedTensor> inputs) {
  std::uint64_t size = 0;
  for (const NamedTensor& input : inputs) size += raw_size(input.tensor.view());
  auto too_large = [&] {
    return Error(Kind::unsupported, "message-too-large",
                 fmt::format("cannot send {} bytes in one message: gRPC has a limit of 2 GiB", size));
  };
  if (size > longest_message) return too_large();
  std::string message = write_selector(selector);
  message.reserve(size + 1024);
  for (const NamedTensor& input : inputs)
    append_bytes(message, 5, write_tensor_parts(input.name, input.tensor.type(), input.tensor.dims()));
  for (const NamedTensor& input : inputs) {
    append_length(message, 7, raw_size(input.tensor.view()));
    if (append_raw(message, input.tensor.view())) continue;
    return Error(Kind::unsupported, "no-binary-form", fmt::format("the input '{}' has no binary form", input.name));
  }
  if (!fits(message)) return too_large();
  return message;
}

Result<InferResponse> read_infer_response(std::string_view message) {
  InferResponse response;
  std::vector<std::string_view> outputs, raw;
  bool good = fits(message) && each_bytes(message, [&](int field, std::string_view view) {
                if (field == 1) response.model = view;
                if (field == 2) response.version = view;
                if (field == 5) return append(outputs, view);
                return field != 6 || append(raw, view);
              });
  if (!good) return bad_response(malformed("the response"));
  if (!raw.empty() && raw.size() != outputs.size())
    return bad_response(fmt::format("it has {} outputs and {} raw contents", outputs.size(), raw.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    response.outputs.push_back(TRY(read_output(outputs[i], raw.empty() ? nullptr : &raw[i])));
  return response;
}

}  // namespace modelctl::serve
