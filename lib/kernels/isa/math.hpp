// exp, log, tanh, erf over vectors: a few units in the last place, infinities and NaN as the C library has them. The
// polynomials are weighted minimax fits made for the intervals stated.
#pragma once

#include "kernels/isa/lanes.hpp"

namespace modelctl::kernels {
namespace {

inline constexpr float infinity = __builtin_inff();

// c[0] + c[1] x + … by Horner's rule.
template <class V, int n>
inline V polynomial(V x, const float (&c)[n]) {
  V sum = c[n - 1] - V{};
  MODELCTL_UNROLL
  for (int i = n - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

template <class T>
inline typename T::V bits_to_float(typename T::I bits) {
  return reinterpret_cast<typename T::V>(bits);
}
template <class T>
inline typename T::I float_bits(typename T::V value) {
  return reinterpret_cast<typename T::I>(value);
}

template <class T>
inline typename T::V exp_of(typename T::V x) {
  using V = typename T::V;
  using I = typename T::I;
  x = clamp<T>(x, splat<T>(-104.0f), splat<T>(89.0f));
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const V shifted = x * 1.44269504f + magic;
  const V n = shifted - magic;
  const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  // |r| <= ln(2)/2
  const V p = polynomial(r, {4.999999343e-01f, 1.666652040e-01f, 4.166839083e-02f, 8.368745320e-03f, 1.381453789e-03f});
  const V e = (p * r * r + r) + 1.0f;
  // 2^n in two factors: n reaches 128, and below -126 the result is denormal.
  const I whole = float_bits<T>(shifted) - 0x4B400000;
  const I half = whole >> 1;
  return e * bits_to_float<T>((half + 127) << 23) * bits_to_float<T>((whole - half + 127) << 23);
}

template <class T>
inline typename T::V log_of(typename T::V x) {
  using V = typename T::V;
  using I = typename T::I;
  const I tiny = x < 1.17549435e-38f;
  const V scaled = tiny ? x * 33554432.0f : x;  // denormals: times 2^25
  // The mantissa in [sqrt(1/2), sqrt(2)). Unsigned, as what is not a positive number wraps.
  const auto bits = reinterpret_cast<typename T::N>(scaled) - 0x3F3504F3u;
  const I exponent = (reinterpret_cast<I>(bits) >> 23) - (tiny ? I{} + 25 : I{});
  const V f = reinterpret_cast<V>((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  const V n = __builtin_convertvector(exponent, V);
  const V p = polynomial(f, {3.333331260e-01f, -2.500000960e-01f, 2.000211873e-01f, -1.666799567e-01f, 1.421955091e-01f,
                             -1.240559142e-01f, 1.188817460e-01f, -1.167564131e-01f, 6.746601335e-02f});
  V y = f * f * f * p - 0.5f * f * f;
  y = (y - n * 2.12194440e-4f + f) + n * 0.693359375f;
  y = x == infinity ? x : y;
  y = x == 0.0f ? splat<T>(-infinity) : y;
  return x >= 0.0f ? y : splat<T>(__builtin_nanf(""));
}

template <class T>
inline typename T::V abs_of(typename T::V x) {
  return bits_to_float<T>(float_bits<T>(x) & 0x7FFFFFFF);
}
template <class T>
inline typename T::V with_sign_of(typename T::V magnitude, typename T::V sign) {
  using I = typename T::I;
  return bits_to_float<T>(float_bits<T>(magnitude) | (float_bits<T>(sign) & (I{} + static_cast<int>(0x80000000u))));
}

template <class T>
inline typename T::V tanh_of(typename T::V x) {
  using V = typename T::V;
  const V a = abs_of<T>(x);
  const V z = x * x;
  const V near = polynomial(z, {-3.333333091e-01f, 1.333320976e-01f, -5.394720427e-02f, 2.170296710e-02f,
                                -8.182673855e-03f, 2.147536858e-03f}) *
                     z * x +
                 x;  // |x| <= 0.625
  const V far = 1.0f - 2.0f / (exp_of<T>(a + a) + 1.0f);
  return a <= 0.625f ? near : with_sign_of<T>(far, x);
}

template <class T>
inline typename T::V erf_of(typename T::V x) {
  using V = typename T::V;
  const V a = abs_of<T>(x);
  const V near = x * polynomial(x * x, {1.128379166e+00f, -3.761262582e-01f, 1.128358515e-01f, -2.685381187e-02f,
                                        5.188327560e-03f, -8.010192519e-04f, 7.853857698e-05f});  // |x| <= 1
  // erfc(a) = exp(-q(a)) on [1, 4]; beyond, erf is 1 in single precision.
  const V q =
      polynomial(T::minimum(splat<T>(4.0f), a), {3.537089314e-04f, 1.127040080e+00f, 6.382256024e-01f, 1.030374355e-01f,
                                                 -2.180535115e-02f, 2.939615735e-03f, -1.855748931e-04f});
  const V far = 1.0f - exp_of<T>(-q);
  return a <= 1.0f ? near : with_sign_of<T>(far, x);
}

template <class T>
inline typename T::V sigmoid_of(typename T::V x) {
  return 1.0f / (1.0f + exp_of<T>(-x));
}

}  // namespace
}  // namespace modelctl::kernels
