// f16 (IEEE 754 binary16) and bf16 (the upper half of binary32) as storage types: arithmetic is done in f32.
// Conversions round to nearest even and preserve infinities and NaN; they are portable code, because the build half
// runs on CPUs without F16C. Kernels convert with instructions and must give the same bits.
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
