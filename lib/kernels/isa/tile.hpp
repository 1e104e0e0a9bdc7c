// The inner loop of GEMM, GEMV and convolution: a few rows by a few panels of weights, all sums in registers.
//
// Why these tile sizes: one step along K loads `vectors` vectors of weights and broadcasts one value for each row, and
// does rows * vectors multiply-adds. A CPU of today starts two of those per cycle and two loads, so a tile must have
// more multiply-adds than loads: 14 rows x 2 vectors (AVX-512) make 28 to 16, 6 x 2 (AVX2) 12 to 8. The sums have to
// fit the registers, with the weights and one broadcast value beside them. A multiply-add takes four cycles, so at
// least eight sums must be independent; a tile of one row has as many only if it takes several panels at once, which is
// what the flat tiles of matrix-vector products do.
//
// The bias is where the sums start; residual and bounds are applied to the sums before they are stored. So a fused
// product reads and writes its output once.
#pragma once

#include "kernels/isa/lanes.hpp"

namespace modelctl::kernels {
namespace {

template <class T, int rows, int panels>
void tile(const Tile& t) {
  using V = typename T::V;
  constexpr int per_panel = static_cast<int>(panel_columns) / T::width;
  constexpr int vectors = panels * per_panel;
  constexpr int whole = panels * static_cast<int>(panel_columns);
  // Streams ahead of the loads: the weights come from the second-level cache.
  constexpr int ahead = 24 * static_cast<int>(panel_columns);

  V sum[rows][vectors];
  MODELCTL_UNROLL
  for (int j = 0; j < vectors; ++j) {
    V first{};
    if (t.bias) {
      const std::int64_t left = t.columns - j * T::width;
      if (left >= T::width) first = load<T>(t.bias + j * T::width);
      else if (left > 0) first = T::load_partial(t.bias + j * T::width, static_cast<int>(left));
    }
    MODELCTL_UNROLL
    for (int i = 0; i < rows; ++i) sum[i][j] = first;
  }

  const float* weights = t.panels;
  const std::int64_t panel_step = t.panel_step;
  for (std::int64_t s = 0; s < t.segment_count; ++s) {
    const Segment segment = t.segments[s];
    const float* row[rows];
    constexpr std::uint32_t all = (1u << rows) - 1;
    if ((segment.rows & all) == all) {
      MODELCTL_UNROLL
      for (int i = 0; i < rows; ++i) row[i] = segment.first + t.row_offsets[i];
    } else {
      MODELCTL_UNROLL
      for (int i = 0; i < rows; ++i) row[i] = segment.rows >> i & 1 ? segment.first + t.row_offsets[i] : t.zeros;
    }
    for (std::int64_t k = 0; k < t.depth; ++k) {
      V w[vectors];
      MODELCTL_UNROLL
      for (int j = 0; j < vectors; ++j) {
        w[j] = load<T>(weights + (j / per_panel) * panel_step + (j % per_panel) * T::width);
      }
      weights += panel_columns;
      MODELCTL_UNROLL
      for (int p = 0; p < panels; ++p) __builtin_prefetch(weights + p * panel_step + ahead);
      MODELCTL_UNROLL
      for (int i = 0; i < rows; ++i) {
        const V x = splat<T>(row[i][k]);
        MODELCTL_UNROLL
        for (int j = 0; j < vectors; ++j) sum[i][j] += x * w[j];
      }
    }
  }

  const V low = splat<T>(t.low), high = splat<T>(t.high);
  if (t.columns >= whole) {
    MODELCTL_UNROLL
    for (int i = 0; i < rows; ++i) {
      MODELCTL_UNROLL
      for (int j = 0; j < vectors; ++j) {
        V value = sum[i][j];
        if (t.residual) value += load<T>(t.residual + i * t.residual_step + j * T::width);
        store<T>(t.out + i * t.out_step + j * T::width, clamp<T>(value, low, high));
      }
    }
    return;
  }
  MODELCTL_UNROLL
  for (int j = 0; j < vectors; ++j) {
    const std::int64_t left = t.columns - j * T::width;
    if (left <= 0) break;
    const int count = left < T::width ? static_cast<int>(left) : T::width;
    MODELCTL_UNROLL
    for (int i = 0; i < rows; ++i) {
      V value = sum[i][j];
      if (t.residual) value += load<T>(t.residual + i * t.residual_step + j * T::width, count);
      store<T>(t.out + i * t.out_step + j * T::width, clamp<T>(value, low, high), count);
    }
  }
}

// Fills the table for 1 … `rows` rows.
template <class T, int rows, int wide>
constexpr void add_tiles(Simd& simd) {
  if constexpr (rows > 0) {
    add_tiles<T, rows - 1, wide>(simd);
    simd.tile[rows][0] = &tile<T, rows, 1>;
    simd.tile[rows][1] = &tile<T, rows, wide>;
  }
}
template <class T, int rows, int panels>
constexpr void add_flat_tiles(Simd& simd) {
  if constexpr (rows > 0) {
    add_flat_tiles<T, rows - 1, panels>(simd);
    simd.flat[rows] = &tile<T, rows, panels>;
  }
}

}  // namespace
}  // namespace modelctl::kernels
