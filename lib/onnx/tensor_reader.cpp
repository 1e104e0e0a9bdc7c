// A tensor's elements are raw bytes, one of six typed lists, or in an external file. Raw bytes and external files are
// used in place if they are aligned; lists are copied, never more than the message holds.
#include "onnx/tensor_reader.hpp"

#include "base/pages.hpp"
#include "onnx/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace modelctl::onnx {
namespace {

using protozero::data_view;
using protozero::pbf_reader;

// The fields of a TensorProto, before its type and dimensions are checked against them.
struct Fields {
  std::string name;
  Dims dims;
  std::int64_t type = 0;
  std::optional<data_view> raw;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> integers;  // from int32_data, int64_data and uint64_data
  std::vector<std::string> strings;
  bool external = false;
  bool segmented = false;
  std::vector<std::pair<std::string, std::string>> location;
};

bool packed(const pbf_reader& reader) { return reader.wire_type() == protozero::pbf_wire_type::length_delimited; }

// A repeated number is either packed into one field or has one field per value; readers must accept both.
template <class T, class Packed, class One>
void append(pbf_reader& reader, std::vector<T>& into, Packed packed_values, One one) {
  if (!packed(reader)) {
    into.push_back(static_cast<T>((reader.*one)()));
    return;
  }
  for (auto value : (reader.*packed_values)()) into.push_back(static_cast<T>(value));
}

std::pair<std::string, std::string> read_entry(data_view message) {
  std::pair<std::string, std::string> entry;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::entry::key) entry.first = reader.get_string();
    else if (reader.tag() == proto::entry::value) entry.second = reader.get_string();
    else reader.skip();
  }
  return entry;
}

// Reads all fields in one pass; unknown ones are skipped, as protobuf requires for forward compatibility.
Fields read_fields(data_view message) {
  Fields fields;
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case proto::tensor::dims:
        append(reader, fields.dims, &pbf_reader::get_packed_int64, &pbf_reader::get_int64);
        break;
      case proto::tensor::data_type: fields.type = reader.get_int32(); break;
      case proto::tensor::segment:
        fields.segmented = true;
        reader.skip();
        break;
      case proto::tensor::float_data:
        append(reader, fields.floats, &pbf_reader::get_packed_float, &pbf_reader::get_float);
        break;
      case proto::tensor::int32_data:
        append(reader, fields.integers, &pbf_reader::get_packed_int32, &pbf_reader::get_int32);
        break;
      case proto::tensor::string_data: fields.strings.push_back(reader.get_string()); break;
      case proto::tensor::int64_data:
        append(reader, fields.integers, &pbf_reader::get_packed_int64, &pbf_reader::get_int64);
        break;
      case proto::tensor::name: fields.name = reader.get_string(); break;
      case proto::tensor::raw_data: fields.raw = reader.get_view(); break;
      case proto::tensor::double_data:
        append(reader, fields.doubles, &pbf_reader::get_packed_double, &pbf_reader::get_double);
        break;
      case proto::tensor::uint64_data:
        append(reader, fields.integers, &pbf_reader::get_packed_uint64, &pbf_reader::get_uint64);
        break;
      case proto::tensor::external_data: fields.location.push_back(read_entry(reader.get_view())); break;
      case proto::tensor::data_location: fields.external = reader.get_enum() == proto::data_location::external; break;
      default: reader.skip();
    }
  }
  return fields;
}

Error bad(const Fields& fields, std::string what, std::string code = "bad-tensor") {
  return Error(Kind::bad_input, std::move(code), fmt::format("cannot read tensor '{}': {}", fields.name, what));
}

// The alignment of an element in memory; that of a complex number is its real part's.
std::size_t alignment(DType type) {
  std::size_t bytes = static_cast<std::size_t>(bits(type)) / 8;
  if (type == DType::c64 || type == DType::c128) bytes /= 2;
  return std::max<std::size_t>(bytes, 1);
}

// A bool whose byte is neither 0 nor 1 is undefined behavior in C++, and a file may hold any byte.
void normalize_booleans(Tensor& tensor) {
  if (tensor.type() != DType::boolean) return;
  ByteSpan bytes = tensor.bytes();
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; })) return;
  Tensor copy(DType::boolean, tensor.dims());
  auto* to = static_cast<std::byte*>(copy.mutable_view().data);
  std::transform(bytes.begin(), bytes.end(), to, [](std::byte b) { return b == std::byte{0} ? b : std::byte{1}; });
  tensor = std::move(copy);
}

constexpr std::size_t min_dropped = 1 << 16;  // bytes; below that, the system call costs more than the pages

// A tensor over the bytes in place, or a copy if they are not aligned. The pages of large tensors in a mapping are
// dropped after copying, and otherwise when the last tensor that shares them is destroyed.
Tensor borrow(DType type, Dims dims, std::shared_ptr<const void> owner, ByteSpan bytes, bool mapped) {
  mapped = mapped && bytes.size() >= min_dropped;
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment(type) != 0 || bytes.data() == nullptr) {
    Tensor copy(type, std::move(dims));
    if (!bytes.empty()) std::memcpy(copy.mutable_view().data, bytes.data(), bytes.size());
    if (mapped) release_pages(bytes);
    return copy;
  }
  if (mapped) owner = {bytes.data(), [owner, bytes](const void*) { release_pages(bytes); }};
  Tensor tensor(type, std::move(dims), std::move(owner), bytes.data());
  normalize_booleans(tensor);
  return tensor;
}

Result<std::uint64_t> number(const Fields& fields, const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return bad(fields, fmt::format("external data with {} '{}'", key, text), "bad-external-data");
  }
  return value;
}

// The keys are defined in ONNX's external data format: location, offset, length, checksum. Offset and length are
// checked against the file, never trusted; the checksum is optional and not used.
Result<Tensor> read_external(const Fields& fields, DType type, std::uint64_t size, const TensorSource& source) {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  for (const auto& [key, value] : fields.location) {
    if (key == "location") location = value;
    else if (key == "offset") offset = TRY(number(fields, key, value));
    else if (key == "length") length = TRY(number(fields, key, value));
  }
  if (type == DType::string) return bad(fields, "strings cannot be external data", "bad-external-data");
  std::shared_ptr<const MappedFile> file = source.external.open(location, fields.name);
  if (file == nullptr) return Tensor();
  std::uint64_t available = file->bytes().size();
  if (length && *length != size) {
    return bad(
        fields,
        fmt::format("{} takes {} bytes but its external data has {}", describe(type, fields.dims), size, *length),
        "bad-external-data");
  }
  if (offset > available || available - offset < size) {
    return bad(fields,
               fmt::format("its {} bytes at offset {} are beyond the end of '{}', which has {}", size, offset, location,
                           available),
               "bad-external-data");
  }
  return borrow(type, fields.dims, file, file->bytes().subspan(offset, size), true);
}

// Typed lists are wider than the elements: int32_data holds int8, uint8, int16, uint16, bool, and the bits of f16, bf16
// and f8. The low bits of each entry are the element.
template <class To, class From>
void narrow(Tensor& tensor, const std::vector<From>& values) {
  auto* to = static_cast<To*>(tensor.mutable_view().data);
  for (std::size_t i = 0; i < values.size(); ++i) to[i] = static_cast<To>(values[i]);
}

// The number of entries of a typed list for a tensor: two per complex number, one per byte of packed sub-byte elements.
std::uint64_t list_entries(DType type, std::uint64_t elements, std::uint64_t size) {
  if (type == DType::c64 || type == DType::c128) return elements * 2;
  return bits(type) > 0 && bits(type) < 8 ? size : elements;
}

// The list is determined by the type; a non-empty list of another type does not count.
Result<Tensor> read_list(const Fields& fields, DType type, std::uint64_t elements, std::uint64_t size) {
  bool float_list = type == DType::f32 || type == DType::c64;
  bool double_list = type == DType::f64 || type == DType::c128;
  std::size_t have = float_list              ? fields.floats.size()
                     : double_list           ? fields.doubles.size()
                     : type == DType::string ? fields.strings.size()
                                             : fields.integers.size();
  if (have != list_entries(type, elements, size)) {
    return bad(fields, fmt::format("it claims to be {} but holds {} elements", describe(type, fields.dims), have));
  }
  if (type == DType::string) return Tensor::of_strings(fields.dims, fields.strings);
  Tensor tensor(type, fields.dims);
  if (float_list) {
    narrow<float>(tensor, fields.floats);
  } else if (double_list) {
    narrow<double>(tensor, fields.doubles);
  } else if (type == DType::boolean) {
    auto* to = static_cast<bool*>(tensor.mutable_view().data);
    for (std::size_t i = 0; i < have; ++i) to[i] = fields.integers[i] != 0;
  } else {
    switch (std::max(bits(type), 8)) {
      case 8: narrow<std::uint8_t>(tensor, fields.integers); break;
      case 16: narrow<std::uint16_t>(tensor, fields.integers); break;
      case 32: narrow<std::uint32_t>(tensor, fields.integers); break;
      default: narrow<std::uint64_t>(tensor, fields.integers);
    }
  }
  return tensor;
}

}  // namespace

std::string tensor_name(data_view message) {
  pbf_reader reader(message);
  return reader.next(proto::tensor::name) ? reader.get_string() : std::string();
}

// The order of the checks matters: type, rank and overflow first, so that the sizes can then be compared safely.
Result<NamedTensor> read_tensor(data_view message, const TensorSource& source) {
  Fields fields = read_fields(message);
  auto type = static_cast<DType>(fields.type);
  if (fields.type < 1 || fields.type > 63 || name(type) == name(DType::undefined)) {
    return bad(fields, fmt::format("element type {} is unknown", fields.type));
  }
  if (fields.segmented) return bad(fields, "a tensor in segments is not supported");
  if (fields.dims.size() > max_rank) return bad(fields, fmt::format("its rank is {}", fields.dims.size()));
  auto elements = element_count(fields.dims);
  auto size = byte_size(type, fields.dims);
  if (!elements || !size) {
    return bad(fields, fmt::format("it claims to be {}, which exceeds any memory", describe(type, fields.dims)));
  }
  if (fields.external) {
    Tensor tensor = TRY(read_external(fields, type, *size, source));
    return NamedTensor{fields.name, std::move(tensor)};
  }
  if (!fields.raw || type == DType::string) {
    Tensor tensor = TRY(read_list(fields, type, static_cast<std::uint64_t>(*elements), *size));
    return NamedTensor{fields.name, std::move(tensor)};
  }
  if (fields.raw->size() != *size) {
    return bad(fields,
               fmt::format("it claims to be {} but holds {} bytes", describe(type, fields.dims), fields.raw->size()));
  }
  ByteSpan bytes = as_bytes(std::string_view(fields.raw->data(), fields.raw->size()));
  // Tensors of inlined functions are in memory of their own, not in the mapping.
  const bool mapped = !source.mapping.empty() && bytes.data() >= source.mapping.data() &&
                      bytes.data() < source.mapping.data() + source.mapping.size();
  return NamedTensor{fields.name, borrow(type, fields.dims, source.owner, bytes, mapped)};
}

}  // namespace modelctl::onnx
