// Conversions meet in the middle, in f64, i64 or u64, so that their number is that of the types and not its square.
#include "ops/reference/convert.hpp"

#include "ops/reference/element.hpp"

namespace modelctl::ops {
namespace {

// Floats of 32 bits and less are written with the digits of an f32: those of an f64 would show the rounding of the
// type.
template <class To>
Result<void> convert_to(const TensorView& from, To* out) {
  if (from.type == DType::string) {
    for (const std::string& text : from.as<std::string>()) {
      if constexpr (std::is_same_v<To, std::string>) *out++ = text;
      else *out++ = TRY(from_text<To>(text));
    }
    return {};
  }
  bool known = with_any_wide(from.type, [&]<class W>() {
    auto load = load_of<W>(from.type);
    std::int64_t count = from.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (!std::is_same_v<To, std::string>) *out++ = convert<To>(load(from.data, i));
      else if (from.type == DType::f64 || !is_float(from.type)) *out++ = to_text(load(from.data, i));
      else *out++ = to_text(static_cast<float>(load(from.data, i)));
    }
  });
  return known ? Result<void>() : Result<void>(refuse_type(from.type));
}

// To a type without a C++ type, through f64 or i64, which hold all its values.
Result<void> convert_to_small(const TensorView& from, const MutableTensorView& to, Narrowing how) {
  const bool to_float = is_float(to.type);
  const std::int64_t count = from.elements();
  std::int64_t at = 0;
  auto put = [&](auto value) {
    unsigned code = to_float ? narrow(to.type, static_cast<double>(value), how)
                             : static_cast<unsigned>(convert<std::int64_t>(value));
    if (is_packed(to.type)) set_packed(to.data, at++, bits(to.type), code);
    else static_cast<std::uint8_t*>(to.data)[at++] = static_cast<std::uint8_t>(code);
  };
  if (from.type == DType::string) {
    for (const std::string& text : from.as<std::string>()) {
      if (to_float) put(TRY(from_text<double>(text)));
      else put(TRY(from_text<std::int64_t>(text)));
    }
    return {};
  }
  bool known = with_any_wide(from.type, [&]<class W>() {
    auto load = load_of<W>(from.type);
    while (at < count) put(load(from.data, at));
  });
  return known ? Result<void>() : Result<void>(refuse_type(from.type));
}

}  // namespace

bool is_convertible(DType type) {
  return is_float(type) || is_integer(type) || type == DType::boolean || type == DType::string;
}

Result<void> convert_elements(const TensorView& from, const MutableTensorView& to, Narrowing how) {
  if (from.type == to.type) {
    copy_elements(from, to);
    return {};
  }
  if (is_convertible(to.type) && !holds<NumbersBoolAndString>(to.type)) return convert_to_small(from, to, how);
  return for_type<NumbersBoolAndString>(to.type, [&]<class To>() { return convert_to<To>(from, to.as<To>().data()); });
}

}  // namespace modelctl::ops
