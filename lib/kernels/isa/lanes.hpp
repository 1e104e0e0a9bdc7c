// What the templates of this folder need to know of a vector type T, and what they share. T has
//   V, I, N     vectors of `width` floats, of as many int32 and uint32, as the compiler's vector extensions
//   minimum, maximum(a, b)   b where either is NaN, as the x86 instructions do
//   S           as many uint16
//   from_half, to_half   `width` f16 in memory as V, and V rounded to them
//   load_partial, store_partial(…, count)   of the first `count` < width lanes only; the others read as zero
// Everything here lives in an unnamed namespace: each instruction set has its own copy by design.
#pragma once

#include "kernels/isa/simd.hpp"
#include "kernels/unaligned.hpp"

#include <cstdint>

// Accumulators are arrays of vectors, and g++ 12 keeps an array in memory unless each loop over it is unrolled whole: a
// third of the speed. So this stands on every one of them.
#ifdef __clang__
#define MODELCTL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MODELCTL_UNROLL _Pragma("GCC unroll 32")
#endif

namespace modelctl::kernels {
namespace {

template <class T>
inline typename T::V load(const float* from) {
  return load_unaligned<typename T::V>(from);
}
template <class T>
inline void store(float* to, typename T::V value) {
  store_unaligned(to, value);
}
// x - 0 is x for every x; 0 + x is not, and costs an addition.
template <class T>
inline typename T::V splat(float value) {
  return value - typename T::V{};
}
template <class T>
inline typename T::V clamp(typename T::V value, typename T::V low, typename T::V high) {
  return T::minimum(high, T::maximum(low, value));
}

// Calls body(vector index, load, store) … the usual walk over n floats: whole vectors, then one partial.
template <class T, class Body>
inline void for_each_vector(std::int64_t n, Body&& body) {
  std::int64_t i = 0;
  for (; i + T::width <= n; i += T::width) body(i, T::width);
  if (i < n) body(i, static_cast<int>(n - i));
}
template <class T>
inline typename T::V load(const float* from, int count) {
  return count == T::width ? load<T>(from) : T::load_partial(from, count);
}
template <class T>
inline void store(float* to, typename T::V value, int count) {
  if (count == T::width) store<T>(to, value);
  else T::store_partial(to, value, count);
}

}  // namespace
}  // namespace modelctl::kernels
