// Reads a SparseTensorProto: values, and their positions in a tensor of zeros, either one flat index or one row of
// coordinates per value.
#include "onnx/fields.hpp"
#include "onnx/tensor_reader.hpp"

#include <fmt/format.h>

#include <cstring>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;

namespace {

// The fields of a SparseTensorProto. Values and indices are tensors themselves, of NNZ elements or rows.
struct Parts {
  std::optional<data_view> values, indices;
  Dims dims;
};

Parts parts_of(data_view message) {
  Parts parts;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::sparse_tensor::values) parts.values = reader.get_view();
    else if (reader.tag() == proto::sparse_tensor::indices) parts.indices = reader.get_view();
    else if (reader.tag() != proto::sparse_tensor::dims) reader.skip();
    else if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) parts.dims.push_back(reader.get_int64());
    else
      for (std::int64_t dim : reader.get_packed_int64()) parts.dims.push_back(dim);
  }
  return parts;
}

// The flat index of value `at` in the dense tensor, or -1 if it is out of range.
std::int64_t flat_index(const Tensor& indices, std::size_t at, const Dims& dims, std::int64_t elements) {
  auto numbers = indices.as<std::int64_t>();
  if (indices.dims().size() == 1) return numbers[at] < elements ? numbers[at] : -1;
  std::int64_t flat = 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    std::int64_t index = numbers[at * dims.size() + axis];
    if (index < 0 || index >= dims[axis]) return -1;
    flat = flat * dims[axis] + index;
  }
  return flat;
}

}  // namespace

std::string sparse_tensor_name(data_view message) {
  Parts parts = parts_of(message);
  return parts.values ? tensor_name(*parts.values) : std::string();
}

// Indices may be in any order. A repeated index is not an error here: the last value counts.
Result<NamedTensor> read_sparse_tensor(data_view message, const TensorSource& source) {
  Parts parts = parts_of(message);
  NamedTensor values, indices;
  if (parts.values) values = TRY(read_tensor(*parts.values, source));
  if (parts.indices) indices = TRY(read_tensor(*parts.indices, source));
  if ((parts.values && !values.tensor.present()) || (parts.indices && !indices.tensor.present())) {
    return NamedTensor{values.name, Tensor()};  // an external file is missing
  }
  auto bad = [&](std::string what) {
    return Error(Kind::bad_input, "bad-tensor", fmt::format("cannot read sparse tensor '{}': {}", values.name, what));
  };
  if (values.tensor.dims().size() != 1) return bad("its values are not a list");
  DType type = values.tensor.type();
  if (bits(type) < 8) return bad(fmt::format("its values are {}", describe(type, values.tensor.dims())));
  std::int64_t count = values.tensor.elements();
  auto rank = static_cast<std::int64_t>(parts.dims.size());
  Dims flat{count}, rows{count, rank};
  bool none = count == 0 && !indices.tensor.present();
  if (!none &&
      (indices.tensor.type() != DType::i64 || (indices.tensor.dims() != flat && indices.tensor.dims() != rows)))
    return bad(fmt::format("its {} values do not have an index each", count));
  auto elements = element_count(parts.dims);
  auto size = byte_size(type, parts.dims);
  if (parts.dims.size() > max_rank || !elements || !size || *size > *source.sparse_budget) {
    return bad(fmt::format("it claims to be {}, more than a model may take in dense form", describe(type, parts.dims)));
  }
  *source.sparse_budget -= *size;
  Tensor dense(type, parts.dims);
  auto* to = static_cast<std::byte*>(dense.mutable_view().data);
  const auto* from = static_cast<const std::byte*>(values.tensor.view().data);
  std::size_t width = static_cast<std::size_t>(bits(type)) / 8;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::int64_t at = flat_index(indices.tensor, i, parts.dims, *elements);
    if (at < 0) return bad(fmt::format("the index of value {} is outside of {}", i, describe(type, parts.dims)));
    std::memcpy(to + static_cast<std::size_t>(at) * width, from + i * width, width);
  }
  return NamedTensor{values.name, std::move(dense)};
}

}  // namespace modelctl::onnx
