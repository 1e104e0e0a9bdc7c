// The loops of attention: a softmax that takes its row in blocks, and products of few rows with matrices as they lie in
// memory, which are read once and so never packed.
#pragma once

#include "kernels/isa/loops.hpp"

namespace modelctl::kernels {
namespace {

template <class T>
float largest(const float* x, std::int64_t n) {
  using V = typename T::V;
  const V lowest = splat<T>(-infinity);
  V top = lowest;
  for_each_vector<T>(n, [&](std::int64_t i, int count) {
    V v = load<T>(x + i, count);
    if (count < T::width) v = beyond<T>(count) ? lowest : v;
    top = larger<T>(top, v);
  });
  return fold_lanes<T>(top, [](float a, float b) { return a > b || a != a ? a : b; });
}

template <class T>
float exponentials(float* x, float shift, std::int64_t n) {
  using V = typename T::V;
  const V by = splat<T>(shift);
  return sum_over<T>(n, [&](std::int64_t i, int count) {
    V e = exp_of<T>(load<T>(x + i, count) - by);
    store<T>(x + i, e, count);
    if (count < T::width) e = beyond<T>(count) ? V{} : e;
    return e;
  });
}

template <class T>
void add_mask(float* x, const float* mask, std::int64_t n) {
  using V = typename T::V;
  for_each_vector<T>(n, [&](std::int64_t i, int count) {
    const V m = load<T>(mask + i, count);
    store<T>(x + i, m == -infinity ? m : load<T>(x + i, count) + m, count);
  });
}

template <class T>
void select(float* x, const bool* keep, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = keep[i] ? x[i] : -infinity;
}

// The sums of `rows` rows at once: x is loaded once for all of them.
template <class T, int rows>
inline void dots_of(const float* x, const float* first, std::int64_t step, std::int64_t n, float factor, float* out) {
  using V = typename T::V;
  V sum[rows] = {};
  for_each_vector<T>(n, [&](std::int64_t i, int count) {
    const V v = load<T>(x + i, count);
    MODELCTL_UNROLL
    for (int j = 0; j < rows; ++j) sum[j] += v * load<T>(first + j * step + i, count);
  });
  MODELCTL_UNROLL
  for (int j = 0; j < rows; ++j) {
    out[j] = factor * fold_lanes<T>(sum[j], [](float a, float b) { return a + b; });
  }
}

template <class T>
void dots(const float* x, const float* rows, std::int64_t step, std::int64_t count, std::int64_t n, float factor,
          float* out) {
  std::int64_t j = 0;
  for (; j + 4 <= count; j += 4) dots_of<T, 4>(x, rows + j * step, step, n, factor, out + j);
  for (; j < count; ++j) dots_of<T, 1>(x, rows + j * step, step, n, factor, out + j);
}

template <class T, int vectors>
inline void add_rows_of(const float* weights, const float* rows, std::int64_t step, std::int64_t count, float* out) {
  using V = typename T::V;
  V sum[vectors];
  MODELCTL_UNROLL
  for (int i = 0; i < vectors; ++i) sum[i] = load<T>(out + i * T::width);
  for (std::int64_t j = 0; j < count; ++j, rows += step) {
    const V weight = splat<T>(weights[j]);
    MODELCTL_UNROLL
    for (int i = 0; i < vectors; ++i) sum[i] += weight * load<T>(rows + i * T::width);
  }
  MODELCTL_UNROLL
  for (int i = 0; i < vectors; ++i) store<T>(out + i * T::width, sum[i]);
}

template <class T>
void add_rows(const float* weights, const float* rows, std::int64_t step, std::int64_t count, std::int64_t n,
              float* out) {
  using V = typename T::V;
  std::int64_t i = 0;
  for (; i + 4 * T::width <= n; i += 4 * T::width) add_rows_of<T, 4>(weights, rows + i, step, count, out + i);
  for (; i + T::width <= n; i += T::width) add_rows_of<T, 1>(weights, rows + i, step, count, out + i);
  if (i == n) return;
  const int left = static_cast<int>(n - i);
  V sum = load<T>(out + i, left);
  for (std::int64_t j = 0; j < count; ++j) sum += splat<T>(weights[j]) * load<T>(rows + j * step + i, left);
  store<T>(out + i, sum, left);
}

template <class T>
void rotate(const float* x, const float* cosines, const float* sines, std::int64_t half, bool neighbors, float* y) {
  using V = typename T::V;
  if (neighbors) {
    for (std::int64_t i = 0; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      y[2 * i] = a * cosines[i] - b * sines[i];
      y[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
    return;
  }
  for_each_vector<T>(half, [&](std::int64_t i, int count) {
    const V a = load<T>(x + i, count), b = load<T>(x + half + i, count);
    const V c = load<T>(cosines + i, count), s = load<T>(sines + i, count);
    store<T>(y + i, a * c - b * s, count);
    store<T>(y + half + i, a * s + b * c, count);
  });
}

}  // namespace
}  // namespace modelctl::kernels
