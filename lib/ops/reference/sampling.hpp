// Sampling between the points of a grid: a point is a weighted sum of the elements around it, the product of what each
// axis gives. GridSample and DeformConv share it.
#pragma once

#include "ops/reference/run.hpp"

#include <array>

namespace modelctl::ops {

// Offset of an element in its plane, and its weight.
struct Tap {
  std::int64_t offset;
  double weight;
};

// Along one axis; an index of -1 is padding, and weighs nothing.
struct AxisTaps {
  std::array<std::int64_t, 4> index;
  std::array<double, 4> weight;
  std::size_t count;
};

// The two elements around x; those outside of [0, size) are padding.
AxisTaps linear_taps(double x, std::int64_t size);

// Appends the taps of a point, axis by axis from the outermost, of a plane of these strides.
void append_taps(std::vector<Tap>& taps, std::span<const AxisTaps> axes, DimsView strides);

}  // namespace modelctl::ops
