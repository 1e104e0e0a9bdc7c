#include "ops/convert.hpp"

#include "ops/element.hpp"

namespace modelctl::ops {
namespace {

template <class To>
Result<void> convert_to(const TensorView& from, To* out) {
  if (from.type == DType::string) {
    for (const std::string& text : from.as<std::string>()) {
      if constexpr (std::is_same_v<To, std::string>) *out++ = text;
      else *out++ = TRY(from_text<To>(text));
    }
    return {};
  }
  bool known = false;
  if constexpr (std::is_same_v<To, std::string>) {
    known = with_type<NumbersAndBool>(from.type, [&]<class From>() {
      for (From value : from.as<From>()) *out++ = to_text(static_cast<compute_t<From>>(value));
    });
  } else {
    known = with_wide<NumbersAndBool>(from.type, [&]<class W>() {
      auto load = load_of<W>(from.type);
      std::int64_t count = from.elements();
      for (std::int64_t i = 0; i < count; ++i) *out++ = convert<To>(load(from.data, i));
    });
  }
  return known ? Result<void>() : Result<void>(refuse_type(from.type));
}

}  // namespace

Result<void> convert_elements(const TensorView& from, const MutableTensorView& to) {
  if (from.type == to.type) {
    copy_elements(from, to);
    return {};
  }
  return for_type<NumbersBoolAndString>(to.type, [&]<class To>() { return convert_to<To>(from, to.as<To>().data()); });
}

}  // namespace modelctl::ops
