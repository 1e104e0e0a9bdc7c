// Each element takes a byte or more on the wire, which bounds the memory that a tensor can claim.
#include "serve/grpc/tensor_message.hpp"

#include "serve/grpc/wire.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/core.h>

#include <bit>

namespace modelctl::serve {
namespace {

using namespace wire;

Error bad_tensor(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

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

template <class T>
void append_element(std::string& out, T element) {
  if constexpr (std::is_floating_point_v<T>) {
    out.append(reinterpret_cast<const char*>(&element), sizeof element);
  } else {
    append_varint(out, static_cast<std::uint64_t>(static_cast<std::int64_t>(element)));  // sign-extended
  }
}

}  // namespace

Result<TensorParts> read_tensor_parts(std::string_view message, std::string_view what) {
  TensorParts parts;
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
    if (tag == bytes_of(4)) return append(parts.parameters, view);
    if (tag == bytes_of(5)) {
      parts.contents = view;
      parts.has_contents = true;
    }
    return true;
  });
  if (good) return parts;
  if (parts.shape.size() == max_rank) return bad_tensor(fmt::format("{} has more than {} dimensions", what, max_rank));
  return malformed(what);
}

std::string write_tensor_parts(std::string_view name, DType type, std::span<const std::int64_t> dims) {
  std::string message, shape;
  append_bytes(message, 1, name);
  append_bytes(message, 2, json::v2_name(type));
  for (std::int64_t dim : dims) append_varint(shape, static_cast<std::uint64_t>(dim));
  if (!shape.empty()) append_bytes(message, 3, shape);
  return message;
}

bool has_typed_form(DType type) { return typed_form(type).field != 0; }

Result<Tensor> read_typed(std::string_view contents, DType type, Dims dims) {
  TypedForm form = typed_form(type);
  if (form.field == 0) return bad_tensor(fmt::format("'{}' has raw contents only", json::v2_name(type)));
  auto count = element_count(dims);
  // Each element takes a byte or more, which bounds the memory by what was sent.
  auto others = [&] { return bad_tensor(fmt::format("its contents are not {}", describe(type, dims))); };
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

}  // namespace modelctl::serve
