// Conversions of f16 and bf16 by bit manipulation of binary32: sign 1 bit, exponent 8 bits (bias 127), fraction 23
// bits. binary16 has an exponent of 5 bits (bias 15) and a fraction of 10 bits, so rebiasing subtracts 112 from the
// exponent.
#include "tensor/half.hpp"

namespace modelctl {

// Three ranges: what overflows, what becomes a subnormal, and the rest. NaN becomes the quiet NaN 0x7e00 with its sign
// and loses its payload, since the upper bits of a payload may all be zero: it would then read as infinity.
Half::Half(float value) {
  std::uint32_t x = std::bit_cast<std::uint32_t>(value);
  std::uint32_t sign = x >> 16 & 0x8000;
  x &= 0x7fffffff;
  if (x >= 0x47800000) {  // 65536 and up, infinity, NaN
    bits = static_cast<std::uint16_t>(sign | (x > 0x7f800000 ? 0x7e00 : 0x7c00));
  } else if (x < 0x38800000) {  // below 2^-14, subnormal: adding 0.5 makes the FPU shift and round to 2^-24
    float shifted = std::bit_cast<float>(x) + 0.5f;
    bits = static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000));
  } else {
    std::uint32_t odd = x >> 13 & 1;
    x += 0xc8000fff + odd;  // rebias the exponent and round to nearest even; a carry reaches infinity by itself
    bits = static_cast<std::uint16_t>(sign | x >> 13);
  }
}

Half::operator float() const {
  std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  std::uint32_t rest = static_cast<std::uint32_t>(bits & 0x7fff) << 13;
  std::uint32_t exponent = rest & 0x0f800000;
  if (exponent == 0x0f800000) return std::bit_cast<float>(sign | rest | 0x7f800000);
  if (exponent == 0) {  // zero or subnormal: subtracting 2^-14 normalizes it
    float magnitude = std::bit_cast<float>(rest + 0x38800000) - std::bit_cast<float>(0x38800000u);
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (rest + 0x38000000));
}

BFloat16::BFloat16(float value) {
  std::uint32_t x = std::bit_cast<std::uint32_t>(value);
  if ((x & 0x7fffffff) > 0x7f800000) {
    bits = static_cast<std::uint16_t>(
        x >> 16 | 0x40);  // set the quiet bit: truncation could clear all set bits of a NaN's fraction
  } else {
    // Half of the last kept bit, less one unless that bit is set: a tie rounds to even. A carry out of the largest
    // finite value gives infinity.
    bits = static_cast<std::uint16_t>((x + 0x7fff + (x >> 16 & 1)) >> 16);
  }
}

}  // namespace modelctl
