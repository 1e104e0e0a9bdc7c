// f16 (IEEE 754 binary16) and bf16 as storage: arithmetic happens in f32. Conversions round to nearest even and keep
// infinities and NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace modelctl {

struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);
  explicit operator float() const;
};

struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

}  // namespace modelctl
