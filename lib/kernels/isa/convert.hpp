// f16 and bf16 to f32 and back. A CPU with instructions for f16 has them in its vector type, T::from_half and
// T::to_half; half_from_bits() and half_to_bits() compute the same from the bits. bf16 is the upper half of an f32.
#pragma once

#include "kernels/isa/lanes.hpp"

namespace modelctl::kernels {
namespace {

// The exponent of an f16 has 5 bits and bias 15, that of an f32 8 bits and bias 127. Moved to its place, it is 112 too
// low; a multiplication by 2^112 puts that right, for subnormal numbers too. Infinity and NaN keep an exponent of ones.
template <class T>
inline typename T::V half_from_bits(typename T::N half) {
  using V = typename T::V;
  using N = typename T::N;
  const N magnitude = (half & 0x7fffu) << 13;
  const N scaled = reinterpret_cast<N>(reinterpret_cast<V>(magnitude) * 0x1p112f);
  const N bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled;
  return reinterpret_cast<V>(bits | (half & 0x8000u) << 16);
}

// As Half(float) of tensor/half.hpp rounds, lane by lane.
template <class T>
inline typename T::N half_to_bits(typename T::V value) {
  using V = typename T::V;
  using N = typename T::N;
  const N bits = reinterpret_cast<N>(value), magnitude = bits & 0x7fffffffu;
  // Subnormal results: adding 0.5 makes the floating-point unit shift and round.
  const N subnormal = reinterpret_cast<N>(reinterpret_cast<V>(magnitude) + 0.5f) - 0x3f000000u;
  const N normal = (magnitude + 0xc8000fffu + (magnitude >> 13 & 1u)) >> 13;
  const N special = magnitude > 0x7f800000u ? N{} + 0x7e00u : N{} + 0x7c00u;
  const N finite = magnitude < 0x38800000u ? subnormal : normal;
  return (magnitude >= 0x47800000u ? special : finite) | (bits >> 16 & 0x8000u);
}

template <class T>
inline typename T::V from_short(ShortFloat format, const std::uint16_t* from) {
  using N = typename T::N;
  if (format == ShortFloat::f16) return T::from_half(from);
  const auto wide = __builtin_convertvector(load_unaligned<typename T::S>(from), N);
  return reinterpret_cast<typename T::V>(wide << 16);
}
template <class T>
inline void to_short(ShortFloat format, typename T::V value, std::uint16_t* to) {
  using N = typename T::N;
  if (format == ShortFloat::f16) return T::to_half(value, to);
  const N bits = reinterpret_cast<N>(value);
  const N rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  const N short_bits = (bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16 | 0x40u) : rounded;
  store_unaligned(to, __builtin_convertvector(short_bits, typename T::S));
}

template <class T>
void widen(ShortFloat format, const std::uint16_t* from, float* to, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + T::width <= n; i += T::width) store<T>(to + i, from_short<T>(format, from + i));
  if (i == n) return;
  std::uint16_t rest[T::width] = {};
  for (std::int64_t j = i; j < n; ++j) rest[j - i] = from[j];
  store<T>(to + i, from_short<T>(format, rest), static_cast<int>(n - i));
}

template <class T>
void narrow(ShortFloat format, const float* from, std::uint16_t* to, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + T::width <= n; i += T::width) to_short<T>(format, load<T>(from + i), to + i);
  if (i == n) return;
  std::uint16_t rest[T::width];
  to_short<T>(format, load<T>(from + i, static_cast<int>(n - i)), rest);
  for (std::int64_t j = i; j < n; ++j) to[j] = rest[j - i];
}

}  // namespace
}  // namespace modelctl::kernels
