// Slices of a tensor along an axis, copied out of it and into it.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

// Fills `slice` with the elements that begin at index `start` of the axis of `whole`. The caller has checked that all
// other dimensions are the same and that the slice ends within the whole. Refuses types of less than a byte.
Result<void> copy_slice(const TensorView& whole, std::size_t axis, std::int64_t start, const MutableTensorView& slice);
// The reverse: writes `slice` into `whole`.
Result<void> write_slice(const MutableTensorView& whole, std::size_t axis, std::int64_t start, const TensorView& slice);

// Output 0 is the inputs one after another along the axis, which may count from the end.
Result<void> concatenate(std::span<const TensorView> inputs, std::int64_t axis, Outputs& outputs);

}  // namespace modelctl::ops
