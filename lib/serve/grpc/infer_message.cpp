// The wire format of protocol buffers (protobuf.dev, "Encoding"), with the field numbers of inference.proto. A field
// that is not known is skipped, and of a field that is given twice the last one counts, as the format asks.
#include "serve/grpc/infer_message.hpp"

#include "serve/formats/inputs.hpp"
#include "serve/formats/raw_tensor.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/core.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace modelctl::serve {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr std::size_t longest_list = 10'000;  // of inputs, outputs or contents: far more than any model has

constexpr std::uint32_t bytes_of(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}
constexpr std::uint32_t varint_of(int field) { return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT); }

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

Error malformed(std::string_view what) {
  return Error(Kind::bad_input, "bad-message", fmt::format("cannot read {}: it is not a valid protobuf message", what));
}

CodedInputStream stream_of(std::string_view bytes) {
  return CodedInputStream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
}

// Bytes with their length before them, where they lie.
bool read_view(CodedInputStream& in, std::string_view& view) {
  std::uint32_t size = 0;
  const void* data = nullptr;
  int available = 0;
  view = {};
  if (!in.ReadVarint32(&size)) return false;
  if (size == 0) return true;
  if (!in.GetDirectBufferPointer(&data, &available) || size > static_cast<std::uint32_t>(available)) return false;
  view = {static_cast<const char*>(data), size};
  return in.Skip(static_cast<int>(size));
}

// Calls field(tag, in) for each field, which reads it or returns false. False if the message is malformed.
template <class Field>
bool each_field(CodedInputStream& in, Field&& field) {
  while (std::uint32_t tag = in.ReadTag()) {
    if (!field(tag, in)) return false;
  }
  return in.ConsumedEntireMessage();
}

// As above, for fields that are bytes; others are skipped. bytes(field, view) returns false to stop.
template <class Bytes>
bool each_bytes(std::string_view message, Bytes&& bytes) {
  CodedInputStream in = stream_of(message);
  return each_field(in, [&](std::uint32_t tag, CodedInputStream& from) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED)
      return WireFormatLite::SkipField(&from, tag);
    std::string_view view;
    return read_view(from, view) && bytes(WireFormatLite::GetTagFieldNumber(tag), view);
  });
}

bool append(std::vector<std::string_view>& list, std::string_view view) {
  if (list.size() == longest_list) return false;
  list.push_back(view);
  return true;
}

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

// InferInputTensor.
struct InputParts {
  std::string_view name, datatype;
  Dims shape;
  std::string_view contents;
  bool has_contents = false;
  bool in_shared_memory = false;
};

bool read_size(CodedInputStream& in, Dims& shape) {
  std::uint64_t size = 0;
  if (shape.size() == max_rank || !in.ReadVarint64(&size)) return false;
  shape.push_back(static_cast<std::int64_t>(size));
  return true;
}

// A list of numbers is packed, or one field for each (protobuf.dev, "Packed repeated fields").
bool read_sizes(std::string_view packed, Dims& shape) {
  CodedInputStream in = stream_of(packed);
  while (in.CurrentPosition() < static_cast<int>(packed.size())) {
    if (!read_size(in, shape)) return false;
  }
  return true;
}

bool names_shared_memory(std::string_view parameter) {
  bool found = false;
  each_bytes(parameter, [&](int field, std::string_view view) {
    found = found || (field == 1 && view.starts_with("shared_memory_"));
    return true;
  });
  return found;
}

Result<InputParts> read_input_parts(std::string_view message) {
  InputParts parts;
  CodedInputStream in = stream_of(message);
  bool good = each_field(in, [&](std::uint32_t tag, CodedInputStream& from) {
    std::string_view view;
    if (tag == varint_of(3)) return read_size(from, parts.shape);
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED)
      return WireFormatLite::SkipField(&from, tag);
    if (!read_view(from, view)) return false;
    if (tag == bytes_of(1)) parts.name = view;
    if (tag == bytes_of(2)) parts.datatype = view;
    if (tag == bytes_of(3)) return read_sizes(view, parts.shape);
    if (tag == bytes_of(4)) parts.in_shared_memory = parts.in_shared_memory || names_shared_memory(view);
    if (tag == bytes_of(5)) {
      parts.contents = view;
      parts.has_contents = true;
    }
    return true;
  });
  if (good) return parts;
  if (parts.shape.size() == max_rank) return bad_request(fmt::format("an input has more than {} dimensions", max_rank));
  return malformed("an input");
}

// How a type's elements are written in InferTensorContents.
struct TypedForm {
  int field = 0;  // 0: not at all
  WireFormatLite::WireType wire = WireFormatLite::WIRETYPE_VARINT;
};

TypedForm typed_form(DType type) {
  switch (type) {
    case DType::boolean: return {1};
    case DType::i8:
    case DType::i16:
    case DType::i32: return {2};
    case DType::i64: return {3};
    case DType::u8:
    case DType::u16:
    case DType::u32: return {4};
    case DType::u64: return {5};
    case DType::f32: return {6, WireFormatLite::WIRETYPE_FIXED32};
    case DType::f64: return {7, WireFormatLite::WIRETYPE_FIXED64};
    case DType::string: return {8, WireFormatLite::WIRETYPE_LENGTH_DELIMITED};
    default: return {};
  }
}

// One element from the wire; false if the bytes end, or if the type does not hold the number.
template <class T>
bool read_element(CodedInputStream& in, T& element) {
  if constexpr (sizeof(T) == 4 && std::is_floating_point_v<T>) {
    std::uint32_t bits = 0;
    if (!in.ReadLittleEndian32(&bits)) return false;
    element = std::bit_cast<T>(bits);
  } else if constexpr (std::is_floating_point_v<T>) {
    std::uint64_t bits = 0;
    if (!in.ReadLittleEndian64(&bits)) return false;
    element = std::bit_cast<T>(bits);
  } else {
    std::uint64_t bits = 0;
    if (!in.ReadVarint64(&bits)) return false;
    if constexpr (std::is_same_v<T, bool>) {
      element = bits != 0;
    } else if constexpr (std::is_signed_v<T>) {
      auto number = static_cast<std::int64_t>(bits);
      element = static_cast<T>(number);
      return element == number;
    } else {
      element = static_cast<T>(bits);
      return element == bits;
    }
  }
  return true;
}

// Fills the elements from the contents; false if they are others, or another number of them.
template <class T>
bool read_elements(std::string_view contents, TypedForm form, std::span<T> elements) {
  std::size_t next = 0;
  auto read_next = [&](CodedInputStream& in) { return next < elements.size() && read_element(in, elements[next++]); };
  CodedInputStream in = stream_of(contents);
  bool good = each_field(in, [&](std::uint32_t tag, CodedInputStream& from) {
    if (tag == WireFormatLite::MakeTag(form.field, form.wire)) return read_next(from);
    if (tag != bytes_of(form.field)) return false;
    std::string_view packed;
    if (!read_view(from, packed)) return false;
    CodedInputStream numbers = stream_of(packed);
    while (numbers.CurrentPosition() < static_cast<int>(packed.size())) {
      if (!read_next(numbers)) return false;
    }
    return true;
  });
  return good && next == elements.size();
}

bool read_strings(std::string_view contents, std::size_t count, std::vector<std::string>& strings) {
  bool good = each_bytes(contents, [&](int field, std::string_view view) {
    if (field != 8 || strings.size() == count) return false;
    strings.emplace_back(view);
    return true;
  });
  return good && strings.size() == count;
}

// Calls act(zero) with a zero of the type's C++ type; the type has a typed form and is not string.
template <class Act>
auto dispatch(DType type, Act&& act) {
  switch (type) {
    case DType::boolean: return act(false);
    case DType::i8: return act(std::int8_t{});
    case DType::i16: return act(std::int16_t{});
    case DType::i32: return act(std::int32_t{});
    case DType::i64: return act(std::int64_t{});
    case DType::u8: return act(std::uint8_t{});
    case DType::u16: return act(std::uint16_t{});
    case DType::u32: return act(std::uint32_t{});
    case DType::u64: return act(std::uint64_t{});
    case DType::f64: return act(double{});
    default: return act(float{});
  }
}

Result<Tensor> read_typed(std::string_view contents, DType type, Dims dims) {
  TypedForm form = typed_form(type);
  if (form.field == 0) return bad_request(fmt::format("'{}' has raw contents only", json::v2_name(type)));
  auto count = element_count(dims);
  // Each element takes a byte or more, which bounds the memory by what was sent.
  auto others = [&] { return bad_request(fmt::format("its contents are not {}", describe(type, dims))); };
  if (!count || static_cast<std::uint64_t>(*count) > contents.size()) return others();
  if (type == DType::string) {
    std::vector<std::string> strings;
    if (!read_strings(contents, static_cast<std::size_t>(*count), strings)) return others();
    return Tensor::of_strings(std::move(dims), std::move(strings));
  }
  Tensor tensor(type, dims);
  bool good =
      dispatch(type, [&]<class T>(T) { return read_elements(contents, form, tensor.mutable_view().template as<T>()); });
  if (!good) return others();
  return tensor;
}

Result<Tensor> read_tensor(InputParts parts, const artifact::Port& port, const std::string_view* raw) {
  std::string_view wanted = json::v2_name(port.type);
  if (parts.in_shared_memory)
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
    InputParts input = TRY(read_input_parts(parts.inputs[i]));
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

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void append_length(std::string& out, int field, std::uint64_t length) {
  append_varint(out, bytes_of(field));
  append_varint(out, length);
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_length(out, field, bytes.size());
  out += bytes;
}

template <class T>
void append_element(std::string& out, T element) {
  if constexpr (std::is_floating_point_v<T>) {
    out.append(reinterpret_cast<const char*>(&element), sizeof element);
  } else {
    append_varint(out, static_cast<std::uint64_t>(static_cast<std::int64_t>(element)));  // sign-extended
  }
}

// InferTensorContents; false if it gets longer than `limit`.
bool write_typed(std::string& contents, const TensorView& tensor, std::uint64_t limit) {
  int field = typed_form(tensor.type).field;
  if (tensor.type == DType::string) {
    for (const std::string& text : tensor.as<std::string>()) append_bytes(contents, field, text);
    return contents.size() <= limit;
  }
  return dispatch(tensor.type, [&]<class T>(T) {
    std::string packed;
    for (T element : tensor.as<T>()) {
      append_element(packed, element);
      if (packed.size() > limit) return false;
    }
    append_bytes(contents, field, packed);
    return true;
  });
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
    raw = raw || typed_form(outputs[at].type()).field == 0;
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
    std::string part, shape;
    append_bytes(part, 1, model.signature().outputs[at].name);
    append_bytes(part, 2, json::v2_name(output.type()));
    for (std::int64_t dim : output.dims()) append_varint(shape, static_cast<std::uint64_t>(dim));
    if (!shape.empty()) append_bytes(part, 3, shape);
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
