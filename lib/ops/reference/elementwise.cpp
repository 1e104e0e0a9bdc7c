// One loop for all binary operators: the body is called through a pointer, so that it is compiled once and not for each
// of them.
#include "ops/reference/elementwise.hpp"

namespace modelctl::ops {

void for_each_pair(const TensorView& a, const TensorView& b, DimsView dims, PairBody body, void* context) {
  for_each_index<2>(dims, {broadcast_strides(a.dims, dims), broadcast_strides(b.dims, dims)},
                    [&](std::int64_t i, const std::array<std::int64_t, 2>& at) { body(context, i, at[0], at[1]); });
}

}  // namespace modelctl::ops
