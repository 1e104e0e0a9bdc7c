// Types of fewer than 16 bits, as storage: floats of 8 and 4 bits, and packed integers. No arithmetic is done in them;
// Cast and the quantization operators convert from and to them.
#pragma once

#include "tensor/dtype.hpp"

#include <cstdint>

namespace modelctl {

// How a number is converted to a small float. The default is ONNX's Cast, which saturates to the largest finite value.
struct Narrowing {
  enum class Rounding { up, down, nearest };  // only of f8e8m0, which has no fraction; others round to nearest even
  bool saturate = true;                       // false: infinity if the type has one, otherwise NaN
  Rounding rounding = Rounding::up;
};

// For the f8 and f4 types: the value of `bits`, and the bits of the nearest value.
double widen(DType type, std::uint8_t bits);
std::uint8_t narrow(DType type, double value, Narrowing how = {});

// Several elements to a byte, low bits first: u4 i4 f4e2m1 u2 i2.
inline bool is_packed(DType type) {
  int width = bits(type);
  return width > 0 && width < 8;
}

// Element `at` of packed elements of `width` bits, zero-extended to a byte.
inline std::uint8_t packed(const void* data, std::int64_t at, int width) {
  std::int64_t first = at * width;
  auto byte = static_cast<const std::uint8_t*>(data)[first / 8];
  return static_cast<std::uint8_t>((byte >> first % 8) & ((1 << width) - 1));
}
// Elements must be written in order: writing the first element of a byte clears the byte, so that padding bits are zero
// and equal tensors have equal bytes.
inline void set_packed(void* data, std::int64_t at, int width, unsigned value) {
  std::int64_t first = at * width;
  auto& byte = static_cast<std::uint8_t*>(data)[first / 8];
  unsigned kept = first % 8 == 0 ? 0u : byte & ((1u << first % 8) - 1);
  byte = static_cast<std::uint8_t>(kept | (value & ((1u << width) - 1)) << first % 8);
}

// The types of fewer than 16 bits that are not types of C++: the f8 and f4 types, and packed integers.
inline bool is_small(DType type) {
  int width = bits(type);
  return is_packed(type) || (width == 8 && is_float(type));
}

// The value of element `at` of a tensor of a small type; every one is exact in f64.
double small_element(DType type, const void* data, std::int64_t at);

// Writes the nearest value as element `at`, in order as set_packed(). False if the type has none: `value` is beyond its
// range, a fraction for an integer, or of a kind that it lacks, such as infinity, NaN or 0.
bool set_small_element(DType type, void* data, std::int64_t at, double value);

}  // namespace modelctl
