// Numpy's broadcasting for the run halves, and the odometer that all strided loops share.
#pragma once

#include "ops/reference/run.hpp"

#include <array>

namespace modelctl::ops {

// The dimensions that all of them broadcast to; fails if they cannot.
Result<Dims> broadcast_dims(std::span<const TensorView> views);
Result<Dims> broadcast_dims(DimsView a, DimsView b);
// Strides of a tensor of dimensions `in` seen as `out`, to which it broadcasts: 0 along each stretched axis.
Dims broadcast_strides(DimsView in, DimsView out);

// Calls body(i, at) for each index i of a row-major tensor of these dimensions, where at[n] is the offset that the n-th
// strides give for it.
template <std::size_t N, class Body>
void for_each_index(DimsView dims, const std::array<Dims, N>& strides, Body&& body) {
  std::int64_t count = product(dims);
  std::array<std::int64_t, N> at{};
  Dims index(dims.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    body(i, at);
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      for (std::size_t n = 0; n < N; ++n) at[n] += strides[n][axis];
      if (++index[axis] < dims[axis]) break;
      for (std::size_t n = 0; n < N; ++n) at[n] -= strides[n][axis] * dims[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace modelctl::ops
