// The inner loop of depthwise convolution: a few output pixels by one panel of channels at a time.
#pragma once

#include "kernels/isa/lanes.hpp"

namespace modelctl::kernels {
namespace {

template <class T, int rows, bool whole>
inline void depthwise_columns(const DepthwiseTile& t, const float* weights, std::int64_t at, int count) {
  using V = typename T::V;
  V first{};
  if (t.bias) first = whole ? load<T>(t.bias + at) : T::load_partial(t.bias + at, count);
  V sum[rows];
  MODELCTL_UNROLL
  for (int i = 0; i < rows; ++i) sum[i] = first;
  for (const Tap *tap = t.taps, *end = tap + t.tap_count; tap != end; ++tap) {
    const V w = load<T>(weights + tap->weight);
    const float* from = tap->first + t.offset + at;
    MODELCTL_UNROLL
    for (int i = 0; i < rows; ++i) {
      sum[i] += w * (whole ? load<T>(from + i * t.row_step) : T::load_partial(from + i * t.row_step, count));
    }
  }
  const V low = splat<T>(t.low), high = splat<T>(t.high);
  MODELCTL_UNROLL
  for (int i = 0; i < rows; ++i) {
    V value = sum[i];
    if (t.residual) {
      const float* more = t.residual + i * t.out_step + at;
      value += whole ? load<T>(more) : T::load_partial(more, count);
    }
    value = clamp<T>(value, low, high);
    if (whole) store<T>(t.out + i * t.out_step + at, value);
    else T::store_partial(t.out + i * t.out_step + at, value, count);
  }
}

template <class T, int rows>
void depthwise(const DepthwiseTile& t) {
  for (std::int64_t at = 0; at < t.columns; at += T::width) {
    const float* weights = t.panels + at / panel_columns * t.panel_step + at % panel_columns;
    const std::int64_t left = t.columns - at;
    if (left >= T::width) depthwise_columns<T, rows, true>(t, weights, at, T::width);
    else depthwise_columns<T, rows, false>(t, weights, at, static_cast<int>(left));
  }
}

template <class T, int rows>
constexpr void add_depthwise(Simd& simd) {
  if constexpr (rows > 0) {
    add_depthwise<T, rows - 1>(simd);
    simd.depthwise[rows] = &depthwise<T, rows>;
  }
}

}  // namespace
}  // namespace modelctl::kernels
