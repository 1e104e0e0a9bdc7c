// Floats of 8 and 4 bits against the tables of their specifications, and packed integers.
#include "tensor/small.hpp"
#include "tensor/tensor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace modelctl;

namespace {

constexpr DType small_floats[] = {DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2, DType::f8e5m2fnuz, DType::f4e2m1};
int codes(DType type) { return 1 << bits(type); }

// The code whose value is nearest, the even one of two that are as near, by looking at all of them.
int nearest(DType type, double value) {
  int best = -1;
  for (int code = 0; code < codes(type); ++code) {
    double candidate = widen(type, static_cast<std::uint8_t>(code));
    if (!std::isfinite(candidate) || candidate * value < 0) continue;
    double distance = std::fabs(candidate - value);
    double least = best < 0 ? HUGE_VAL : std::fabs(widen(type, static_cast<std::uint8_t>(best)) - value);
    if (distance < least || (distance == least && code % 2 == 0)) best = code;
  }
  return best;
}

}  // namespace

TEST_CASE("small floats have the values that their specifications list") {
  CHECK(widen(DType::f8e4m3fn, 0x7e) == 448);
  CHECK(widen(DType::f8e4m3fn, 0x01) == 0x1p-9);
  CHECK(std::isnan(widen(DType::f8e4m3fn, 0xff)));
  CHECK(widen(DType::f8e4m3fnuz, 0x7f) == 240);
  CHECK(std::isnan(widen(DType::f8e4m3fnuz, 0x80)));
  CHECK(widen(DType::f8e5m2, 0x7b) == 57344);
  CHECK(widen(DType::f8e5m2, 0xfc) == -HUGE_VAL);
  CHECK(std::isnan(widen(DType::f8e5m2, 0x7d)));
  CHECK(widen(DType::f8e5m2fnuz, 0x7f) == 57344);
  CHECK(widen(DType::f8e5m2fnuz, 0x01) == 0x1p-17);
  CHECK(widen(DType::f4e2m1, 0x7) == 6);
  CHECK(widen(DType::f4e2m1, 0x9) == -0.5);
  CHECK(widen(DType::f8e8m0, 0) == 0x1p-127);
  CHECK(widen(DType::f8e8m0, 254) == 0x1p127);
  CHECK(std::isnan(widen(DType::f8e8m0, 255)));
}

TEST_CASE("every small float reads back as its own bits") {
  for (DType type : small_floats) {
    for (int code = 0; code < codes(type); ++code) {
      double value = widen(type, static_cast<std::uint8_t>(code));
      INFO(name(type) << " " << code);
      if (std::isnan(value)) CHECK(std::isnan(widen(type, narrow(type, value))));
      else CHECK(int{narrow(type, value, {false})} == code);
    }
  }
  for (int code = 0; code < 255; ++code) {
    double value = widen(DType::f8e8m0, static_cast<std::uint8_t>(code));
    using Rounding = Narrowing::Rounding;
    for (Rounding rounding : {Rounding::up, Rounding::down, Rounding::nearest}) {
      CHECK(int{narrow(DType::f8e8m0, value, {false, rounding})} == code);
    }
  }
}

TEST_CASE("numbers become the nearest small float, the even one of two, up to the largest") {
  for (DType type : small_floats) {
    double largest = 0;
    for (int code = 0; code < codes(type); ++code) {
      double value = widen(type, static_cast<std::uint8_t>(code));
      if (std::isfinite(value)) largest = std::max(largest, value);
    }
    for (double value = 0x1p-20; value < largest; value *= 1.0078125) {
      for (double signed_value : {value, -value, std::round(value * 64) / 64}) {
        int code = narrow(type, signed_value);
        INFO(name(type) << " " << signed_value);
        CHECK(std::fabs(widen(type, static_cast<std::uint8_t>(code)) - signed_value) ==
              std::fabs(widen(type, static_cast<std::uint8_t>(nearest(type, signed_value))) - signed_value));
      }
    }
    CHECK(widen(type, narrow(type, 1e9)) == largest);
    CHECK(widen(type, narrow(type, -HUGE_VAL)) == -largest);
  }
}

TEST_CASE("what is beyond the largest small float becomes infinity or NaN if it is not to saturate") {
  CHECK(int{narrow(DType::f8e4m3fn, 464, {false})} == 0x7e);  // half way to what would be next: to even
  CHECK(int{narrow(DType::f8e4m3fn, 465, {false})} == 0x7f);
  CHECK(int{narrow(DType::f8e4m3fn, -1e9, {false})} == 0xff);
  CHECK(int{narrow(DType::f8e5m2, 61440, {false})} == 0x7c);
  CHECK(int{narrow(DType::f8e5m2, -HUGE_VAL, {false})} == 0xfc);
  CHECK(int{narrow(DType::f8e4m3fnuz, 1e9, {false})} == 0x80);
  CHECK(int{narrow(DType::f8e5m2fnuz, -1e9, {false})} == 0x80);
  CHECK(int{narrow(DType::f8e4m3fnuz, -0.0)} == 0);
  CHECK(int{narrow(DType::f8e4m3fn, -0.0)} == 0x80);
}

TEST_CASE("powers of two round up, down or to nearest with ties up") {
  using Rounding = Narrowing::Rounding;
  auto power = [](double value, Narrowing how) { return int{narrow(DType::f8e8m0, value, how)}; };
  CHECK(power(1.1, {true, Rounding::up}) == 128);
  CHECK(power(1.9, {true, Rounding::down}) == 127);
  CHECK(power(1.5, {true, Rounding::nearest}) == 128);
  CHECK(power(1.4, {true, Rounding::nearest}) == 127);
  CHECK(power(0, {true, Rounding::up}) == 0);
  CHECK(power(0, {false, Rounding::nearest}) == 255);
  CHECK(power(1e300, {true, Rounding::up}) == 254);
  CHECK(power(HUGE_VAL, {false, Rounding::nearest}) == 255);
  CHECK(power(1e-300, {true, Rounding::down}) == 0);
}

TEST_CASE("packed elements share bytes, low bits first, and nothing follows the last one") {
  std::uint8_t bytes[2] = {0xff, 0xff};
  for (int at = 0; at < 3; ++at) set_packed(bytes, at, 4, static_cast<unsigned>(at + 1));
  CHECK(int{bytes[0]} == 0x21);
  CHECK(int{bytes[1]} == 0x03);
  CHECK(int{packed(bytes, 1, 4)} == 2);
  for (int at = 0; at < 5; ++at) set_packed(bytes, at, 2, static_cast<unsigned>(at));
  CHECK(int{bytes[0]} == 0xe4);
  CHECK(int{bytes[1]} == 0);
  CHECK(int{packed(bytes, 3, 2)} == 3);
}
