// One instruction set's table, out of its vector type.
#pragma once

#include "kernels/isa/attention.hpp"
#include "kernels/isa/convert.hpp"
#include "kernels/isa/depthwise.hpp"
#include "kernels/isa/loops.hpp"
#include "kernels/isa/recurrent.hpp"
#include "kernels/isa/tile.hpp"

namespace modelctl::kernels {
namespace {

// Rows and panels are chosen so that sums, weights and one broadcast value fill the registers.
template <class T, int rows, int wide, int flat_rows, int flat_panels, int depthwise_rows>
constexpr Simd make_table() {
  static_assert(rows <= Simd::row_limit);
  Simd simd{};
  simd.max_rows = rows;
  simd.wide_panels = wide;
  simd.flat_rows = flat_rows;
  simd.flat_panels = flat_panels;
  simd.depthwise_rows = depthwise_rows;
  add_tiles<T, rows, wide>(simd);
  add_flat_tiles<T, flat_rows, flat_panels>(simd);
  add_depthwise<T, depthwise_rows>(simd);
  simd.widen = &widen<T>;
  simd.narrow = &narrow<T>;
  simd.unary = &unary<T>;
  simd.binary = &binary<T>;
  simd.softmax = &softmax<T>;
  simd.layer_normalization = &layer_normalization<T>;
  simd.sum = &sum<T>;
  simd.largest = &largest<T>;
  simd.exponentials = &exponentials<T>;
  simd.add_mask = &add_mask<T>;
  simd.select = &select<T>;
  simd.dots = &dots<T>;
  simd.add_rows = &add_rows<T>;
  simd.rotate = &rotate<T>;
  simd.largest_row = &largest_row<T>;
  simd.sum_of_rows = &sum_of_rows<T>;
  simd.blend = &blend<T>;
  simd.sample = &sample;
  simd.lstm_cell = &lstm_cell<T>;
  simd.gru_gates = &gru_gates<T>;
  simd.gru_cell = &gru_cell<T>;
  return simd;
}

}  // namespace
}  // namespace modelctl::kernels
