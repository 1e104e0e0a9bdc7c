// Conversion of one element, as Cast defines it. Floats become integers toward zero and saturate, since ONNX does not
// define values out of range (integers below a byte keep the low bits, as ONNX's tests do); integers become narrower
// ones by dropping bits.
#pragma once

#include "ops/reference/run.hpp"
#include "tensor/small.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace modelctl::ops {

template <class From>
std::string to_text(From value) {
  if constexpr (std::is_same_v<From, bool>) {
    return value ? "1" : "0";
  } else {
    if constexpr (std::is_floating_point_v<From>) {
      if (std::isnan(value)) return "NaN";
      if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
      return fmt::format("{}", value);  // the shortest that reads back; std::to_chars would add 130 KB of tables
    } else {
      char text[24];
      return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
    }
  }
}

// Fails if the text is not a number; "NaN" and "INF" are numbers for floats.
template <class To>
Result<To> from_text(const std::string& text) {
  const char* end = text.data() + text.size();
  const char* start = text.data() + (!text.empty() && text[0] == '+' ? 1 : 0);
  bool good = false;
  To value{};
  if constexpr (std::is_integral_v<To> && !std::is_same_v<To, bool>) {
    auto parsed = std::from_chars(start, end, value);
    good = parsed.ec == std::errc() && parsed.ptr == end;
  } else {
    double number = 0;
    auto parsed = std::from_chars(start, end, number);
    good = parsed.ec != std::errc::invalid_argument && parsed.ptr == end;
    if (parsed.ec == std::errc::result_out_of_range) number = std::strtod(text.c_str(), nullptr);
    if constexpr (std::is_same_v<To, bool>) value = number != 0;
    else value = static_cast<To>(static_cast<std::conditional_t<std::is_same_v<To, double>, double, float>>(number));
  }
  if (!good) return refuse("'" + text.substr(0, 40) + "' is not a number of type " + std::string(name(dtype_of<To>)));
  return value;
}

template <class To, class From>
To convert(From from) {
  auto value = static_cast<compute_t<From>>(from);
  if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<decltype(value)>) {
    return saturated<To>(value);
  } else if constexpr (std::is_arithmetic_v<To>) {
    return static_cast<To>(value);
  } else {
    return To(static_cast<float>(value));
  }
}

// Numbers of any width, bool and string.
bool is_convertible(DType type);
// All elements of a tensor as another type, both convertible; `how` is for small floats.
Result<void> convert_elements(const TensorView& from, const MutableTensorView& to, Narrowing how = {});

}  // namespace modelctl::ops
