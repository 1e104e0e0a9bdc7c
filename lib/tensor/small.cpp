// The formats of the OCP 8-bit Floating Point and Microscaling (MX) specifications, and the fnuz variants (finite,
// unsigned zero) of Graphcore, AMD and Qualcomm, which have a single zero and whose only NaN has the bits of -0. One
// table describes them all: conversion is arithmetic on bias and fraction, never a list of values.
#include "tensor/small.hpp"

#include <cmath>

namespace modelctl {
namespace {

struct Format {
  int fraction;           // bits
  int bias;               // of the exponent
  std::uint8_t sign;      // its bit
  std::uint8_t largest;   // the largest finite magnitude
  std::uint8_t overflow;  // the bits for anything larger, if it does not saturate: infinity or NaN
  std::uint8_t nan;       // of a positive NaN
  bool one_zero;          // no -0: its bits are the only NaN
};

// The table of formats. f4e2m1 has neither infinity nor NaN.
constexpr Format format_of(DType type) {
  switch (type) {
    case DType::f8e4m3fn: return {3, 7, 0x80, 0x7e, 0x7f, 0x7f, false};
    case DType::f8e4m3fnuz: return {3, 8, 0x80, 0x7f, 0x80, 0x80, true};
    case DType::f8e5m2: return {2, 15, 0x80, 0x7b, 0x7c, 0x7e, false};
    case DType::f8e5m2fnuz: return {2, 16, 0x80, 0x7f, 0x80, 0x80, true};
    default: return {1, 1, 0x8, 0x7, 0x7, 0x8, false};  // f4e2m1 has neither infinity nor NaN, which becomes -0
  }
}

// f8e8m0, the scale type of MX: powers of two from 2^-127 to 2^127, a NaN, no zero and no sign.
std::uint8_t narrow_power(double value, Narrowing how) {
  constexpr int bias = 127, largest = 254, nan = 255;
  if (std::isnan(value)) return nan;
  value = std::fabs(value);
  // f8e8m0 has no zero: the nearest value is its smallest, 2^-127.
  if (value == 0) return how.saturate ? 0 : nan;
  if (std::isinf(value)) return how.saturate ? largest : nan;
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent) * 2;  // in [1, 2)
  exponent += bias - 1;
  bool up = how.rounding == Narrowing::Rounding::up        ? mantissa > 1
            : how.rounding == Narrowing::Rounding::nearest ? mantissa >= 1.5
                                                           : false;
  if (up) ++exponent;
  if (exponent < 0) return how.saturate ? 0 : nan;
  if (exponent > largest) return how.saturate ? largest : nan;
  return static_cast<std::uint8_t>(exponent);
}

}  // namespace

// value = sign * 2^(exponent - bias) * 1.fraction, or with exponent 0 a subnormal: sign * 2^(1 - bias) * 0.fraction.
// Every value is exact in f64.
double widen(DType type, std::uint8_t bits) {
  if (type == DType::f8e8m0) return bits == 0xff ? NAN : std::ldexp(1.0, bits - 127);
  const Format format = format_of(type);
  const int magnitude = bits & (format.sign - 1);
  const double sign = bits & format.sign ? -1 : 1;
  if (format.one_zero && bits == format.nan) return NAN;
  if (magnitude > format.largest) return magnitude == format.overflow && type == DType::f8e5m2 ? sign * HUGE_VAL : NAN;
  const int exponent = magnitude >> format.fraction, one = 1 << format.fraction;
  const int fraction = magnitude & (one - 1);
  const int least = 1 - format.bias - format.fraction;
  return sign * (exponent == 0 ? std::ldexp(fraction, least) : std::ldexp(one + fraction, least + exponent - 1));
}

// Rounds to nearest even by scaling the value to units of the last place and rounding that with the FPU's default mode.
std::uint8_t narrow(DType type, double value, Narrowing how) {
  if (type == DType::f8e8m0) return narrow_power(value, how);
  const Format format = format_of(type);
  const std::uint8_t sign = std::signbit(value) ? format.sign : std::uint8_t{0};
  if (std::isnan(value)) return format.one_zero || type == DType::f4e2m1 ? format.nan : format.nan | sign;
  const double magnitude = std::fabs(value);
  int code = format.largest + 1;
  // Larger than any of these types by far, and small enough that steps and code fit an int; infinity is left out as
  // well.
  if (magnitude < 0x1p20) {
    int exponent = 1 - format.bias;
    if (magnitude > 0) exponent = std::max(exponent, std::ilogb(magnitude));
    // The significand in units of the last place, including the leading one. If rounding carries, adding it to the
    // exponent field gives the next exponent with fraction 0, which is the right result.
    auto steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, format.fraction - exponent)));
    code = ((exponent + format.bias - 1) << format.fraction) + steps;
  }
  if (code > format.largest) {
    if (how.saturate || type == DType::f4e2m1) return format.largest | sign;
    return format.one_zero ? format.nan : format.overflow | sign;
  }
  if (code == 0 && format.one_zero) return 0;
  return static_cast<std::uint8_t>(code | sign);
}

double small_element(DType type, const void* data, std::int64_t at) {
  const int width = bits(type);
  std::uint8_t bits = width < 8 ? packed(data, at, width) : static_cast<const std::uint8_t*>(data)[at];
  if (is_float(type)) return widen(type, bits);
  bool is_signed = type == DType::i4 || type == DType::i2;
  return is_signed && bits >> (width - 1) != 0 ? bits - (1 << width) : bits;
}

bool set_small_element(DType type, void* data, std::int64_t at, double value) {
  const int width = bits(type);
  unsigned bits = 0;
  if (is_float(type)) {
    bits = narrow(type, value, {.saturate = !std::isinf(value), .rounding = Narrowing::Rounding::nearest});
    double stored = widen(type, static_cast<std::uint8_t>(bits));
    double largest = widen(type, narrow(type, 1e300));
    bool same_kind = std::isnan(value) == std::isnan(stored) && std::isinf(value) == std::isinf(stored);
    bool same_sign = value < 0 ? stored <= 0 : value > 0 ? stored >= 0 : value != 0 || stored == 0;
    if (!same_kind || (!std::isnan(value) && !same_sign) || (std::isfinite(value) && std::fabs(value) > largest))
      return false;
  } else {
    bool is_signed = type == DType::i4 || type == DType::i2;
    double least = is_signed ? -(1 << (width - 1)) : 0, most = (1 << (width - (is_signed ? 1 : 0))) - 1;
    if (!(value >= least && value <= most) || value != std::floor(value)) return false;
    bits = static_cast<unsigned>(static_cast<int>(value));
  }
  if (width < 8) set_packed(data, at, width, bits);
  else static_cast<std::uint8_t*>(data)[at] = static_cast<std::uint8_t>(bits);
  return true;
}

}  // namespace modelctl
