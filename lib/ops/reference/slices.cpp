// A slice along an axis is a run of elements in each row of the axes before it, so that copying needs no index
// arithmetic for each element.
#include "ops/reference/slices.hpp"

#include "ops/reference/storage.hpp"

namespace modelctl::ops {
namespace {

// The slice is `length` elements in each of `rows`; those of the whole lie `stride` apart, the first at `start`.
struct Rows {
  std::int64_t rows, length, stride, start;
};

Rows rows_of(DimsView whole, std::size_t axis, std::int64_t start, DimsView slice) {
  std::int64_t inner = product(whole.subspan(axis + 1));
  return {product(whole.first(axis)), slice[axis] * inner, whole[axis] * inner, start * inner};
}

}  // namespace

Result<void> copy_slice(const TensorView& whole, std::size_t axis, std::int64_t start, const MutableTensorView& slice) {
  Rows at = rows_of(whole.dims, axis, start, slice.dims);
  return for_storage(whole.type, [&]<class T>() -> Result<void> {
    const T* in = whole.as<T>().data() + at.start;
    T* out = slice.as<T>().data();
    for (std::int64_t row = 0; row < at.rows; ++row) out = std::copy_n(in + row * at.stride, at.length, out);
    return {};
  });
}

Result<void> write_slice(const MutableTensorView& whole, std::size_t axis, std::int64_t start,
                         const TensorView& slice) {
  Rows at = rows_of(whole.dims, axis, start, slice.dims);
  return for_storage(whole.type, [&]<class T>() -> Result<void> {
    const T* in = slice.as<T>().data();
    T* out = whole.as<T>().data() + at.start;
    for (std::int64_t row = 0; row < at.rows; ++row)
      std::copy_n(in + row * at.length, at.length, out + row * at.stride);
    return {};
  });
}

// The total along the axis is checked for overflow: many inputs may name the same large tensor.
Result<void> concatenate(std::span<const TensorView> inputs, std::int64_t along, Outputs& outputs) {
  const TensorView first = inputs.empty() ? TensorView() : inputs[0];
  TRY(need_rank(first, 1, "0"));
  std::size_t axis = TRY(axis_index(along, first.rank()));
  Dims dims(first.dims.begin(), first.dims.end());
  dims[axis] = 0;
  for (const TensorView& input : inputs) {
    TRY(same_type(first, input));
    if (input.rank() != first.rank()) return refuse("the inputs have different ranks");
    for (std::size_t other = 0; other < dims.size(); ++other) {
      if (other == axis) {
        dims[axis] = TRY(checked_add(dims[axis], input.dim(axis)));
      } else if (input.dim(other) != first.dim(other)) {
        return refuse("the inputs' sizes along axis " + std::to_string(other) + " differ");
      }
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, first.type, dims));
  return for_storage(first.type, [&]<class T>() -> Result<void> {
    std::int64_t outer = product(DimsView(dims).first(axis));
    T* out = y.as<T>().data();
    for (std::int64_t row = 0; row < outer; ++row) {
      for (const TensorView& input : inputs) {
        std::int64_t length = product(input.dims.subspan(axis));
        out = std::copy_n(static_cast<const T*>(input.data) + row * length, length, out);
      }
    }
    return {};
  });
}

}  // namespace modelctl::ops
