// Types below 16 bits, as storage: floats of 8 and 4 bits, and integers that share a byte. Nothing computes in them.
#pragma once

#include "tensor/dtype.hpp"

#include <cstdint>

namespace modelctl {

// How a number becomes a small float. The default is Cast's: the largest finite number stands for all beyond it.
struct Narrowing {
  enum class Rounding { up, down, nearest };  // of f8e8m0, which has no fraction; the others round to nearest even
  bool saturate = true;                       // false: infinity where there is one, else NaN
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

// Element `at` of packed elements of `width` bits, as a byte without sign.
inline std::uint8_t packed(const void* data, std::int64_t at, int width) {
  std::int64_t first = at * width;
  auto byte = static_cast<const std::uint8_t*>(data)[first / 8];
  return static_cast<std::uint8_t>((byte >> first % 8) & ((1 << width) - 1));
}
// Writing the first element of a byte clears the others, so that what follows the last one is zero: write in order.
inline void set_packed(void* data, std::int64_t at, int width, unsigned value) {
  std::int64_t first = at * width;
  auto& byte = static_cast<std::uint8_t*>(data)[first / 8];
  unsigned kept = first % 8 == 0 ? 0u : byte & ((1u << first % 8) - 1);
  byte = static_cast<std::uint8_t>(kept | (value & ((1u << width) - 1)) << first % 8);
}

}  // namespace modelctl
