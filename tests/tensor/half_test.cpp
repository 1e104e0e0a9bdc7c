// f16 and bf16, exhaustively over all 65536 values.
#include "tensor/half.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

using namespace modelctl;

namespace {

// The value of 16 bits as IEEE 754 defines it, in plain arithmetic.
double plain_half(std::uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

// The nearest of all finite halves, the one of even bits if two are as near; infinity from 65520 up.
std::uint16_t plain_round(double value) {
  std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  value = std::fabs(value);
  if (value >= 65520) return sign | 0x7c00;
  std::uint16_t low = 0, high = 0x7bff;  // halves of one sign are ordered as their bits are
  while (high - low > 1) {
    auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (plain_half(middle) <= value ? low : high) = middle;
  }
  double below = value - plain_half(low), above = plain_half(high) - value;
  if (below == above) return sign | (low % 2 == 0 ? low : high);
  return sign | (below < above ? low : high);
}

}  // namespace

TEST_CASE("each of the 65536 halves widens to the value that IEEE 754 gives it") {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    Half half;
    half.bits = static_cast<std::uint16_t>(bits);
    double wide = static_cast<float>(half), plain = plain_half(half.bits);
    bool same = std::isnan(plain) ? std::isnan(wide) : wide == plain && std::signbit(wide) == std::signbit(plain);
    if (!same) FAIL("bits ", bits, " gives ", wide);
  }
}

TEST_CASE("each of the 65536 halves comes back from f32 as itself") {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    Half half;
    half.bits = static_cast<std::uint16_t>(bits);
    Half back(static_cast<float>(half));
    bool nan = (bits & 0x7fff) > 0x7c00;
    if (nan ? (back.bits & 0x7fff) <= 0x7c00 : back.bits != half.bits) FAIL("bits ", bits);
  }
}

TEST_CASE("f32 narrows to the nearest half, to the even one of two") {
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    double low = plain_half(static_cast<std::uint16_t>(bits));
    double high = bits + 1 == 0x7c00 ? 65536 : plain_half(static_cast<std::uint16_t>(bits + 1));
    float middle = static_cast<float>((low + high) / 2);  // exact: f32 has 13 bits more
    for (float value : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      for (float sign : {1.0f, -1.0f}) {
        if (Half(sign * value).bits != plain_round(sign * value)) FAIL("bits ", bits, " ", sign * value);
      }
    }
  }
}

TEST_CASE("what is beyond the largest half is infinite, what is below the smallest is zero of its sign") {
  CHECK(Half(65519.996f).bits == 0x7bff);
  CHECK(Half(65520.0f).bits == 0x7c00);
  CHECK(Half(-1e30f).bits == 0xfc00);
  CHECK(Half(1e-30f).bits == 0);
  CHECK(Half(-1e-30f).bits == 0x8000);
  CHECK(Half(-std::numeric_limits<float>::infinity()).bits == 0xfc00);
}

TEST_CASE("f32 narrows to the nearest bf16, to the even one of two") {
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    std::uint32_t middle = bits << 16 | 0x8000;
    CHECK_EQ(BFloat16(std::bit_cast<float>(middle - 1)).bits, bits);
    CHECK_EQ(BFloat16(std::bit_cast<float>(middle)).bits, bits + bits % 2);
    CHECK_EQ(BFloat16(std::bit_cast<float>(middle + 1)).bits, bits + 1);
  }
}

TEST_CASE("each of the 65536 bf16 comes back from f32 as itself") {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    BFloat16 value;
    value.bits = static_cast<std::uint16_t>(bits);
    BFloat16 back(static_cast<float>(value));
    bool nan = (bits & 0x7fff) > 0x7f80;
    if (nan ? (back.bits & 0x7fff) <= 0x7f80 : back.bits != value.bits) FAIL("bits ", bits);
  }
}
