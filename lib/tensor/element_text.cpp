// Parsing and printing of single elements with std::from_chars and fmt, which round correctly and ignore the locale.
// What they lack is here: a grammar that is the same for all formats, and the difference between underflow and
// overflow.
#include "tensor/element_text.hpp"

#include "tensor/dispatch.hpp"
#include "tensor/small.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

namespace modelctl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// JSON's grammar of numbers, except that digits may be missing on one side of the point, as is common in CSV files.
bool is_decimal(std::string_view text, bool& whole) {
  std::size_t at = 0, digits = 0;
  auto skip_digits = [&] {
    std::size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  digits = skip_digits();
  whole = true;
  if (at < text.size() && text[at] == '.') {
    whole = false;
    ++at;
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    whole = false;
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (skip_digits() == 0) return false;
  }
  return at == text.size();
}

// True if the magnitude of a decimal number is below 1. std::from_chars reports result_out_of_range both for underflow,
// which rounds to 0 or a subnormal, and for overflow, which is an error.
bool is_small(std::string_view text) {
  std::size_t e = text.find_first_of("eE");
  std::string_view mantissa = text.substr(0, e);
  if (mantissa.find_first_of("123456789") == std::string_view::npos) return true;
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc() || exponent > std::numeric_limits<std::int32_t>::max()) return negative;
    if (negative) exponent = -exponent;
  }
  // The exponent in scientific notation, from the position of the first significant digit.
  std::size_t point = mantissa.find('.');
  std::size_t first = mantissa.find_first_of("123456789");
  if (point == std::string_view::npos) point = mantissa.size();
  std::int64_t leading = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) - (first < point ? 1 : 0);
  return leading + exponent < 0;
}

template <class T>
Parsed parse_float(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return Parsed::good;  // is_decimal() has judged the rest
  if (!is_small(text)) return Parsed::out_of_range;
  value = text.starts_with('-') ? T(-0.0) : T(0.0);
  return Parsed::good;
}

template <class T>
void store(void* element, T value) {
  *static_cast<T*>(element) = value;
}

template <class T>
Parsed parse_as(std::string_view text, bool whole, T& element) {
  if constexpr (std::is_integral_v<T>) {
    if (!whole) return Parsed::no_integer;
    T value{};
    if (text == "-0") text = "0";
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // For unsigned types from_chars reports a '-' as an invalid argument; a negative number is out of range.
    if (error != std::errc() || end != text.data() + text.size()) return Parsed::out_of_range;
    element = value;
  } else if constexpr (std::is_same_v<T, double>) {
    double value = 0;
    if (Parsed result = parse_float(text, value); result != Parsed::good) return result;
    element = value;
  } else {
    // Read as f32 and not as f64, so that an f32 is rounded once. f16 and bf16 are rounded twice, which differs from
    // rounding once only for a text that is nearer to the middle of two such values than an f32 can tell.
    float value = 0;
    if (Parsed result = parse_float(text, value); result != Parsed::good) return result;
    T narrow(value);
    if (!std::isfinite(static_cast<float>(narrow))) return Parsed::out_of_range;
    element = narrow;
  }
  return Parsed::good;
}

// The fewest digits that parse to the value, searched from the most frequent number of them: more digits are nearer, so
// that from some number on, 5 at most, all parse to it.
template <class T>
void print_narrow(std::string& out, T value) {
  const float wide = static_cast<float>(value);
  float rounded = wide;
  auto fits = [&](int digits) {
    fmt::basic_memory_buffer<char, 32> text;
    fmt::format_to(std::back_inserter(text), "{:.{}e}", wide, digits - 1);
    parse_float(std::string_view(text.data(), text.size()), rounded);
    return T(rounded).bits == value.bits;
  };
  int digits = 3;
  if (fits(digits)) {
    while (digits > 1 && fits(digits - 1)) --digits;
    fits(digits);
  } else {
    while (!fits(digits)) ++digits;
  }
  fmt::basic_memory_buffer<char, 32> shortest, nearest;
  fmt::format_to(std::back_inserter(shortest), "{}", rounded);
  fmt::format_to(std::back_inserter(nearest), "{}", wide);
  const auto& text = nearest.size() <= shortest.size() ? nearest : shortest;
  out.append(text.data(), text.size());
}

// Integers and bools need no care; NaN and infinities are written as the format spells them.
template <class T>
void print_as(std::string& out, T value, const NonFinite& spelling) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    compute_t<T> wide(value);
    if (std::isnan(wide)) out += spelling.nan;
    else if (std::isinf(wide)) out += wide > 0 ? spelling.infinity : spelling.minus_infinity;
    else {
      std::size_t begin = out.size();
      if constexpr (std::is_floating_point_v<T>) fmt::format_to(std::back_inserter(out), "{}", wide);
      else print_narrow(out, value);
      // Always with a point or an exponent (1.0, not 1): readers that guess types would take bare digits for an
      // integer.
      if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
    }
  }
}

}  // namespace

Parsed parse_element(std::string_view text, DType type, void* element) {
  bool whole = false;
  if (!is_decimal(text, whole)) return Parsed::no_number;
  Parsed result = Parsed::no_number;
  bool known = with_type<Numbers>(type, [&]<class T>() { result = parse_as(text, whole, *static_cast<T*>(element)); });
  return known ? result : Parsed::no_number;
}

template <class T>
Parsed parse_decimal(std::string_view text, bool whole, T& value) {
  return parse_as(text, whole, value);
}
template Parsed parse_decimal(std::string_view, bool, float&);
template Parsed parse_decimal(std::string_view, bool, double&);
template Parsed parse_decimal(std::string_view, bool, Half&);
template Parsed parse_decimal(std::string_view, bool, BFloat16&);
template Parsed parse_decimal(std::string_view, bool, std::int8_t&);
template Parsed parse_decimal(std::string_view, bool, std::int16_t&);
template Parsed parse_decimal(std::string_view, bool, std::int32_t&);
template Parsed parse_decimal(std::string_view, bool, std::int64_t&);
template Parsed parse_decimal(std::string_view, bool, std::uint8_t&);
template Parsed parse_decimal(std::string_view, bool, std::uint16_t&);
template Parsed parse_decimal(std::string_view, bool, std::uint32_t&);
template Parsed parse_decimal(std::string_view, bool, std::uint64_t&);

// Every float type here has NaN and infinities; the conversion from f32 keeps them.
bool set_non_finite(DType type, int sign, void* element) {
  float value = sign == 0  ? std::numeric_limits<float>::quiet_NaN()
                : sign > 0 ? std::numeric_limits<float>::infinity()
                           : -std::numeric_limits<float>::infinity();
  return with_type<Floats>(type, [&]<class T>() { store(element, T(value)); });
}

bool print_element(std::string& out, const TensorView& tensor, std::int64_t index, const NonFinite& spelling) {
  if (is_small(tensor.type)) {
    double value = small_element(tensor.type, tensor.data, index);
    if (is_float(tensor.type)) print_as(out, value, spelling);
    else print_as(out, static_cast<int>(value), spelling);
    return true;
  }
  return with_type<NumbersAndBool>(tensor.type, [&]<class T>() {
    const T& value = static_cast<const T*>(tensor.data)[index];
    print_as(out, value, spelling);
  });
}

void print_digits(std::string& out, Half value) { print_narrow(out, value); }
void print_digits(std::string& out, BFloat16 value) { print_narrow(out, value); }

// The text is truncated: it comes from a file and may be of any length.
std::string why_not(Parsed result, std::string_view text, DType type) {
  constexpr std::size_t shown = 40;
  std::string quoted = fmt::format("'{}{}'", text.substr(0, shown), text.size() > shown ? "…" : "");
  switch (result) {
    case Parsed::no_integer: return fmt::format("{} is not an integer, as {} requires", quoted, name(type));
    case Parsed::out_of_range: return fmt::format("{} is out of the range of {}", quoted, name(type));
    default: return fmt::format("{} is not a number", quoted);
  }
}

}  // namespace modelctl
