// Reads TypeProto and ValueInfoProto. What exporters are known to write wrongly in shapes is repaired here, so that the
// rest of the reader can take shapes literally.
#include "onnx/type_reader.hpp"

#include "graph/graph.hpp"
#include "onnx/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::onnx {
namespace {

using protozero::data_view;
using protozero::pbf_reader;

// Sizes below 1 and placeholder names mean "any size". A zero size cannot be distinguished from an absent dim_value in
// old files.
FileDim read_dim(data_view message) {
  FileDim dim;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::dimension::dim_value) {
      std::int64_t size = reader.get_int64();
      if (size > 0) dim.size = size;
    } else if (reader.tag() == proto::dimension::dim_param) {
      dim.symbol = reader.get_string();
      if (dim.symbol == "?" || dim.symbol == "None" || dim.symbol == "-1") dim.symbol.clear();
    } else {
      reader.skip();
    }
  }
  return dim;
}

// A symbol that appears twice in one shape is usually an exporter's mistake ("batch" for every dynamic dimension), and
// other runtimes accept different sizes for it. The later ones therefore get symbols of their own, numbered by axis.
std::vector<FileDim> read_shape(data_view message) {
  std::vector<FileDim> dims;
  pbf_reader reader(message);
  while (reader.next(proto::shape::dim)) {
    FileDim dim = read_dim(reader.get_view());
    bool again = !dim.symbol.empty() && std::any_of(dims.begin(), dims.end(), [&](const FileDim& earlier) {
      return earlier.symbol == dim.symbol;
    });
    if (again) dim.symbol += fmt::format("_{}", dims.size());
    dims.push_back(std::move(dim));
  }
  return dims;
}

Result<FileType> read_tensor_type(data_view message) {
  FileType type;
  std::int64_t element = 0;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::tensor_type::elem_type) element = reader.get_int32();
    else if (reader.tag() == proto::tensor_type::shape) type.dims = read_shape(reader.get_view());
    else reader.skip();
  }
  auto known = element > 0 && element < 64 && name(static_cast<DType>(element)) != name(DType::undefined);
  if (element != 0 && !known) {
    return Error(Kind::bad_input, "bad-type", fmt::format("element type {} is unknown", element));
  }
  if (type.dims && type.dims->size() > max_rank) {
    return Error(Kind::bad_input, "bad-type",
                 fmt::format("rank {} is beyond the limit of {}", type.dims->size(), max_rank));
  }
  type.element = static_cast<DType>(element);
  return type;
}

Result<FileType> read_type(data_view message, int depth);

// TypeProto.Sequence, TypeProto.Optional and TypeProto.Map. They differ in the field of the element type, and in the
// map's key.
Result<FileType> read_collection(data_view message, DType element, int depth) {
  if (depth == graph::max_type_depth) return Error(Kind::bad_input, "bad-type", "it nests too deeply");
  const bool map = element == DType::map;
  const proto::Field held = map ? proto::map_type::value_type : proto::collection_type::elem_type;
  FileType type{element, std::vector<FileDim>(), {}};
  pbf_reader reader(message);
  while (reader.next()) {
    if (map && reader.tag() == proto::map_type::key_type) {
      auto key = static_cast<DType>(reader.get_int32());
      if (key != DType::i64 && key != DType::string) {
        return Error(Kind::unsupported, "bad-type", "maps have keys of type i64 or string");
      }
      type.key = key;
    } else if (reader.tag() == held) {
      type.inside.assign(1, TRY(read_type(reader.get_view(), depth + 1)));
    } else {
      reader.skip();
    }
  }
  return type;
}

Result<FileType> read_type(data_view message, int depth) {
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case proto::type::tensor_type: return read_tensor_type(reader.get_view());
      case proto::type::sequence_type: return read_collection(reader.get_view(), DType::sequence, depth);
      case proto::type::map_type: return read_collection(reader.get_view(), DType::map, depth);
      case proto::type::optional_type: return read_collection(reader.get_view(), DType::optional, depth);
      case proto::type::opaque_type:
      case proto::type::sparse_tensor_type:
        return Error(Kind::unsupported, "bad-type", "sparse and opaque types are not supported");
      default: reader.skip();
    }
  }
  return FileType{};
}

}  // namespace

Result<FileType> read_type(data_view message) { return read_type(message, 0); }

Result<FileValue> read_value_info(data_view message) {
  FileValue value;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::value_info::name) value.name = reader.get_string();
    else if (reader.tag() == proto::value_info::type) value.type = TRY(read_type(reader.get_view()));
    else reader.skip();
  }
  return value;
}

}  // namespace modelctl::onnx
