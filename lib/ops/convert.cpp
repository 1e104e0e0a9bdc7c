#include "ops/convert.hpp"

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
  return for_type<NumbersAndBool>(from.type, [&]<class From>() -> Result<void> {
    for (From value : from.as<From>()) {
      if constexpr (std::is_same_v<To, std::string>) *out++ = to_text(static_cast<compute_t<From>>(value));
      else *out++ = convert<To>(value);
    }
    return {};
  });
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
