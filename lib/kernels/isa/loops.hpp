// The loops over rows of numbers: elementwise, reductions, normalizations, pools.
#pragma once

#include "kernels/isa/math.hpp"

namespace modelctl::kernels {
namespace {

template <class T, class F>
inline void map_rows(const float* x, std::int64_t x_step, float* y, std::int64_t y_step, std::int64_t rows,
                     std::int64_t n, F f) {
  for (std::int64_t row = 0; row < rows; ++row, x += x_step, y += y_step) {
    for_each_vector<T>(n, [&](std::int64_t i, int count) { store<T>(y + i, f(load<T>(x + i, count)), count); });
  }
}

// The function is chosen once for all rows, outside the loops: each case is a loop of its own.
template <class T>
void unary(Unary f, float first, float second, const float* x, std::int64_t x_step, float* y, std::int64_t y_step,
           std::int64_t rows, std::int64_t n) {
  using V = typename T::V;
  const V alpha = splat<T>(first), beta = splat<T>(second), zero{}, one = splat<T>(1.0f);
  const auto map = [&](auto g) { map_rows<T>(x, x_step, y, y_step, rows, n, g); };
  switch (f) {
#define FUNCTION(name, op, reference, simd) \
  case Unary::name:                         \
    return map([=](V v) { return simd; });
#define ACTIVATION(name, op, alpha_default, beta_default, reference, simd) FUNCTION(name, op, reference, simd)
#include "kernels/unary.def"
  }
}

template <class T, class F>
inline void combine(const float* a, int a_step, const float* b, int b_step, float* y, std::int64_t n, F f) {
  using V = typename T::V;
  if (a_step == 0) {
    const V left = splat<T>(*a);
    for_each_vector<T>(n, [&](std::int64_t i, int count) { store<T>(y + i, f(left, load<T>(b + i, count)), count); });
  } else if (b_step == 0) {
    const V right = splat<T>(*b);
    for_each_vector<T>(n, [&](std::int64_t i, int count) { store<T>(y + i, f(load<T>(a + i, count), right), count); });
  } else {
    for_each_vector<T>(
        n, [&](std::int64_t i, int count) { store<T>(y + i, f(load<T>(a + i, count), load<T>(b + i, count)), count); });
  }
}

// The larger, and NaN where either is.
template <class T>
inline typename T::V larger(typename T::V a, typename T::V b) {
  return a != a ? a : T::maximum(a, b);
}
template <class T>
inline typename T::V smaller(typename T::V a, typename T::V b) {
  return a != a ? a : T::minimum(a, b);
}

template <class T>
void binary(Binary f, const float* a, int a_step, const float* b, int b_step, float* y, std::int64_t n) {
  using V = typename T::V;
  const auto map = [&](auto g) { combine<T>(a, a_step, b, b_step, y, n, g); };
  switch (f) {
    case Binary::add: return map([](V p, V q) { return p + q; });
    case Binary::sub: return map([](V p, V q) { return p - q; });
    case Binary::mul: return map([](V p, V q) { return p * q; });
    case Binary::div: return map([](V p, V q) { return p / q; });
    case Binary::max: return map([](V p, V q) { return larger<T>(p, q); });
    case Binary::min: return map([](V p, V q) { return smaller<T>(p, q); });
  }
}

// Folds the lanes by halves: a fixed order, and a short one.
template <class T, class F>
inline float fold_lanes(typename T::V v, F fold) {
  float lanes[T::width];
  store<T>(lanes, v);
  MODELCTL_UNROLL
  for (int half = T::width / 2; half > 0; half /= 2) {
    MODELCTL_UNROLL
    for (int i = 0; i < half; ++i) lanes[i] = fold(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

// Sums keep four vectors.
template <class T, class F>
inline float sum_over(std::int64_t n, F term) {
  using V = typename T::V;
  V sum[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * T::width <= n; i += 4 * T::width) {
    MODELCTL_UNROLL
    for (int j = 0; j < 4; ++j) sum[j] += term(i + j * T::width, T::width);
  }
  for (; i + T::width <= n; i += T::width) sum[0] += term(i, T::width);
  if (i < n) sum[1] += term(i, static_cast<int>(n - i));
  return fold_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]), [](float a, float b) { return a + b; });
}

template <class T>
float sum(const float* x, std::int64_t n) {
  return sum_over<T>(n, [&](std::int64_t i, int count) { return load<T>(x + i, count); });
}

// The lanes of a partial vector that hold no element.
template <class T>
inline typename T::I beyond(int count) {
  typename T::I lane;
  MODELCTL_UNROLL
  for (int i = 0; i < T::width; ++i) lane[i] = i;
  return lane >= count;
}

template <class T>
void softmax(const float* x, float* y, std::int64_t n, bool logarithm) {
  using V = typename T::V;
  const V lowest = splat<T>(-infinity);
  V top = lowest;
  for_each_vector<T>(n, [&](std::int64_t i, int count) {
    V v = load<T>(x + i, count);
    if (count < T::width) v = beyond<T>(count) ? lowest : v;
    top = larger<T>(top, v);
  });
  const float greatest = fold_lanes<T>(top, [](float a, float b) { return a > b || a != a ? a : b; });
  const V shift = splat<T>(greatest);
  const float total = sum_over<T>(n, [&](std::int64_t i, int count) {
    V e = exp_of<T>(load<T>(x + i, count) - shift);
    if (!logarithm) store<T>(y + i, e, count);
    if (count < T::width) e = beyond<T>(count) ? V{} : e;
    return e;
  });
  if (logarithm) {
    const V log_total = log_of<T>(splat<T>(total));
    for_each_vector<T>(
        n, [&](std::int64_t i, int count) { store<T>(y + i, (load<T>(x + i, count) - shift) - log_total, count); });
  } else {
    const V factor = splat<T>(1.0f / total);
    for_each_vector<T>(n, [&](std::int64_t i, int count) { store<T>(y + i, load<T>(y + i, count) * factor, count); });
  }
}

template <class T>
void layer_normalization(const float* x, const float* scale, const float* bias, float epsilon, float* y, std::int64_t n,
                         float* mean, float* inverse_deviation) {
  using V = typename T::V;
  const float center = sum<T>(x, n) / static_cast<float>(n);
  const V shift = splat<T>(center);
  const float squares = sum_over<T>(n, [&](std::int64_t i, int count) {
    V d = load<T>(x + i, count) - shift;
    if (count < T::width) d = beyond<T>(count) ? V{} : d;
    return d * d;
  });
  const float inverse = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon);
  const V factor = splat<T>(inverse);
  for_each_vector<T>(n, [&](std::int64_t i, int count) {
    V v = (load<T>(x + i, count) - shift) * factor;
    if (scale) v *= load<T>(scale + i, count);
    if (bias) v += load<T>(bias + i, count);
    store<T>(y + i, v, count);
  });
  if (mean) *mean = center;
  if (inverse_deviation) *inverse_deviation = inverse;
}

// out[c] = fold of column c over all rows, in four chains so that one does not wait for the other.
template <class T, class Fold>
inline void fold_rows(const Stretch* stretches, std::int64_t count, std::int64_t row_step, float first, float* out,
                      std::int64_t n, float scale, Fold fold) {
  using V = typename T::V;
  for_each_vector<T>(n, [&](std::int64_t at, int lanes) {
    V all[4];
    MODELCTL_UNROLL
    for (int j = 0; j < 4; ++j) all[j] = splat<T>(first);
    for (std::int64_t s = 0; s < count; ++s) {
      const float* row = stretches[s].first + at;
      std::int64_t i = 0;
      for (; i + 4 <= stretches[s].rows; i += 4, row += 4 * row_step) {
        MODELCTL_UNROLL
        for (int j = 0; j < 4; ++j) all[j] = fold(all[j], load<T>(row + j * row_step, lanes));
      }
      for (; i < stretches[s].rows; ++i, row += row_step) all[0] = fold(all[0], load<T>(row, lanes));
    }
    store<T>(out + at, fold(fold(all[0], all[1]), fold(all[2], all[3])) * scale, lanes);
  });
}

template <class T>
void largest_row(const Stretch* stretches, std::int64_t count, std::int64_t row_step, float* out, std::int64_t n) {
  using V = typename T::V;
  fold_rows<T>(stretches, count, row_step, -infinity, out, n, 1.0f, [](V a, V b) { return larger<T>(a, b); });
}

template <class T>
void sum_of_rows(const Stretch* stretches, std::int64_t count, std::int64_t row_step, float scale, float* out,
                 std::int64_t n) {
  using V = typename T::V;
  fold_rows<T>(stretches, count, row_step, 0.0f, out, n, scale, [](V a, V b) { return a + b; });
}

template <class T>
void blend(const float* const* rows, const float* weights, std::int64_t count, float* out, std::int64_t n) {
  using V = typename T::V;
  for_each_vector<T>(n, [&](std::int64_t i, int lanes) {
    V sum{};
    for (std::int64_t j = 0; j < count; ++j) sum += load<T>(rows[j] + i, lanes) * splat<T>(weights[j]);
    store<T>(out + i, sum, lanes);
  });
}

inline void sample(const float* x, const std::int32_t* at, const float* weights, std::int64_t count, float* out,
                   std::int64_t n) {
  if (count == 1) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[at[i]] * weights[i];
  } else if (count == 2) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[at[i]] * weights[i] + x[at[n + i]] * weights[n + i];
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      float sum = 0;
      for (std::int64_t j = 0; j < count; ++j) sum += x[at[j * n + i]] * weights[j * n + i];
      out[i] = sum;
    }
  }
}

}  // namespace
}  // namespace modelctl::kernels
