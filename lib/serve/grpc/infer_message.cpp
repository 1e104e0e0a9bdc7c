// The server's half: the field numbers are those of inference.proto.
#include "serve/grpc/infer_message.hpp"

#include "serve/formats/inputs.hpp"
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

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

struct RequestParts {
  std::string_view id;
  std::vector<std::string_view> inputs, outputs, raw;
};

Result<RequestParts> read_parts(std::string_view message) {
  RequestParts parts;
  bool good = each_bytes(message, [&](int field, std::string_view view) {
    if (field == 3) parts.id = view;
    if (field == 5) return append(parts.inputs, view);
    if (field == 6) return append(parts.outputs, view);
    if (field == 7) return append(parts.raw, view);
    return true;
  });
  if (good) return parts;
  if (std::max({parts.inputs.size(), parts.outputs.size(), parts.raw.size()}) == longest_list)
    return bad_request(fmt::format("the request has more than {} tensors", longest_list));
  return malformed("the request");
}

bool names_shared_memory(std::string_view parameter) {
  bool found = false;
  each_bytes(parameter, [&](int field, std::string_view view) {
    found = found || (field == 1 && view.starts_with("shared_memory_"));
    return true;
  });
  return found;
}

Result<Tensor> read_tensor(TensorParts parts, const artifact::Port& port, const std::string_view* raw) {
  std::string_view wanted = json::v2_name(port.type);
  if (std::any_of(parts.parameters.begin(), parts.parameters.end(), names_shared_memory))
    return Error(Kind::unsupported, "no-shared-memory", "this server does not support shared memory");
  if (parts.datatype != wanted)
    return bad_request(fmt::format("its datatype is '{}' but the model takes '{}'", parts.datatype, wanted));
  if (raw == nullptr) return read_typed(parts.contents, port.type, std::move(parts.shape));
  if (parts.has_contents) return bad_request("it has both raw and typed contents");
  return read_raw(*raw, port.type, std::move(parts.shape));
}

Result<std::vector<Tensor>> read_inputs(const RequestParts& parts, const LoadedModel& model) {
  if (!parts.raw.empty() && parts.raw.size() != parts.inputs.size()) {
    return bad_request(
        fmt::format("the request has {} inputs and {} raw contents", parts.inputs.size(), parts.raw.size()));
  }
  std::map<std::string, Tensor> named;
  for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
    TensorParts input = TRY(read_tensor_parts(parts.inputs[i], "an input"));
    std::string name(input.name);
    const artifact::Port* port = TRY(find_input(model.signature(), name));
    if (named.contains(name)) return bad_request(fmt::format("the input '{}' is given twice", name));
    const std::string_view* raw = parts.raw.empty() ? nullptr : &parts.raw[i];
    auto tensor = read_tensor(std::move(input), *port, raw);
    if (!tensor) {
      Error error = std::move(tensor).error();
      error.what = fmt::format("cannot read the input '{}': {}", name, error.what);
      return error;
    }
    named.emplace(std::move(name), std::move(*tensor));
  }
  return in_order(model.signature(), std::move(named));
}

// All of them if none is named.
Result<std::vector<std::size_t>> wanted_outputs(const RequestParts& parts, const artifact::Signature& signature) {
  std::vector<std::size_t> wanted;
  if (parts.outputs.empty()) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) wanted.push_back(i);
    return wanted;
  }
  for (std::string_view message : parts.outputs) {
    std::string_view name;
    bool shared = false;
    bool good = each_bytes(message, [&](int field, std::string_view view) {
      if (field == 1) name = view;
      shared = shared || (field == 2 && names_shared_memory(view));
      return true;
    });
    if (!good) return malformed("an output");
    if (shared) return Error(Kind::unsupported, "no-shared-memory", "this server does not support shared memory");
    std::size_t at = 0;
    while (at < signature.outputs.size() && signature.outputs[at].name != name) ++at;
    if (at == signature.outputs.size())
      return bad_request(fmt::format("the model has no output '{}'; it has {}", name, names(signature.outputs)));
    if (std::find(wanted.begin(), wanted.end(), at) != wanted.end())
      return bad_request(fmt::format("the output '{}' is asked for twice", name));
    wanted.push_back(at);
  }
  return wanted;
}

Error too_large(const LoadedModel& model) {
  return Error(
      Kind::bad_input, "response-too-large",
      fmt::format("the response would be larger than the {} bytes that are allowed", model.settings().max_response));
}

}  // namespace

Result<RequestHead> read_request_head(google::protobuf::io::ZeroCopyInputStream& message) {
  RequestHead head;
  CodedInputStream in(&message);
  bool good = each_field(in, [&](std::uint32_t tag, CodedInputStream& from) {
    if (tag == bytes_of(1)) return WireFormatLite::ReadBytes(&from, &head.selector.model);
    if (tag == bytes_of(2)) return WireFormatLite::ReadBytes(&from, &head.selector.version);
    if (tag == bytes_of(3)) return WireFormatLite::ReadBytes(&from, &head.id);
    return WireFormatLite::SkipField(&from, tag);
  });
  if (!good) return malformed("the request");
  return head;
}

Result<InferRequest> read_infer_request(std::string_view message, const LoadedModel& model) {
  if (message.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return malformed("the request");
  RequestParts parts = TRY(read_parts(message));
  InferRequest request;
  request.outputs = TRY(wanted_outputs(parts, model.signature()));
  request.inputs = TRY(read_inputs(parts, model));
  request.id = parts.id;
  request.raw = !parts.raw.empty() || parts.inputs.empty();
  return request;
}

Result<std::string> write_infer_response(const InferRequest& request, const LoadedModel& model,
                                         std::span<const Tensor> outputs) {
  const std::uint64_t limit = model.settings().max_response;
  bool raw = request.raw;
  std::uint64_t size = 0;
  for (std::size_t at : request.outputs) {
    raw = raw || !has_typed_form(outputs[at].type());
    size += raw_size(outputs[at].view());
  }
  if (size > limit) return too_large(model);
  std::string message;
  message.reserve(raw ? size + 1024 : 1024);
  append_bytes(message, 1, model.info().name);
  append_bytes(message, 2, model.info().version);
  if (!request.id.empty()) append_bytes(message, 3, request.id);
  for (std::size_t at : request.outputs) {
    const Tensor& output = outputs[at];
    std::string part = write_tensor_parts(model.signature().outputs[at].name, output.type(), output.dims());
    if (!raw) {
      std::string contents;
      if (!write_typed(contents, output.view(), limit)) return too_large(model);
      append_bytes(part, 5, contents);
    }
    append_bytes(message, 5, part);
    if (message.size() > limit) return too_large(model);
  }
  if (!raw) return message;
  for (std::size_t at : request.outputs) {
    append_length(message, 6, raw_size(outputs[at].view()));
    if (append_raw(message, outputs[at].view())) continue;
    return Error(Kind::unsupported, "no-binary-form",
                 fmt::format("the output '{}' has no binary form", model.signature().outputs[at].name));
  }
  return message;
}

std::string write_stream_response(std::string_view response) {
  std::string message;
  message.reserve(response.size() + 16);
  append_bytes(message, 2, response);
  return message;
}

// The response holds the request's id, so that the client knows which one failed.
std::string write_stream_error(std::string_view id, std::string_view text) {
  std::string message, response;
  append_bytes(message, 1, text);
  if (!id.empty()) append_bytes(response, 3, id);
  append_bytes(message, 2, response);
  return message;
}

}  // namespace modelctl::serve
