// Numbers are written in the shortest form that reads back to the same value of their type, f32 and f64 by fmt
// (Dragonbox), so that a response carries all of a float's precision in as few bytes as possible.
#include "serve/formats/json_writer.hpp"

#include "base/digest.hpp"
#include "tensor/dispatch.hpp"
#include "tensor/element_text.hpp"
#include "tensor/json/tensor.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <cmath>

namespace modelctl::serve {

json::NonFiniteForm non_finite_form(const Settings& settings) {
  const std::string& form = settings.non_finite.text;
  return form == "null"     ? json::NonFiniteForm::null
         : form == "reject" ? json::NonFiniteForm::reject
                            : json::NonFiniteForm::strings;
}

JsonWriter::JsonWriter(const Settings& settings) : JsonWriter(settings.max_response, non_finite_form(settings)) {}

JsonWriter& JsonWriter::raw(std::string_view text) {
  if (!full()) text_ += text;
  return *this;
}

// Text of an error may quote what a client sent, which need not be UTF-8: it is repaired. The elements of a tensor are
// not: an answer is either exact or an error.
JsonWriter& JsonWriter::string(std::string_view text) {
  full_ = full_ || text.size() > limit_;  // it takes one byte for each, or more
  if (!full() && !json::quote(text_, text)) json::quote(text_, to_utf8(text));
  return *this;
}

template <class T>
void JsonWriter::element(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (value.size() > limit_) full_ = true;
    else if (base64_) text_ += "{\"b64\":\"" + to_base64(as_bytes(value)) + "\"}";
    else if (!json::quote(text_, value)) inexpressible_ = true;
  } else if constexpr (std::is_same_v<T, bool>) {
    text_ += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    fmt::format_to(std::back_inserter(text_), "{}",
                   static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(value));
  } else {
    compute_t<T> number(value);
    if (std::isfinite(number)) {
      if constexpr (std::is_floating_point_v<T>) fmt::format_to(std::back_inserter(text_), "{}", number);
      else print_digits(text_, value);
    } else if (non_finite_ == json::NonFiniteForm::null) {
      text_ += "null";
    } else if (non_finite_ == json::NonFiniteForm::reject) {
      inexpressible_ = true;
    } else {
      text_ += std::isnan(number) ? json::non_finite.nan
               : number > 0       ? json::non_finite.infinity
                                  : json::non_finite.minus_infinity;
    }
  }
}

template <class T>
void JsonWriter::list(const T*& next, DimsView dims) {
  if (dims.empty()) return element(*next++);
  text_ += '[';
  for (std::int64_t i = 0; i < dims[0] && !full(); ++i) {
    if (i > 0) text_ += ',';
    list(next, dims.subspan(1));
  }
  text_ += ']';
}

JsonWriter& JsonWriter::nested(const TensorView& tensor) {
  if (full()) return *this;
  bool known = with_type<NumbersBoolAndString>(tensor.type, [&]<class T>() {
    const T* next = static_cast<const T*>(tensor.data);
    list(next, tensor.dims);
  });
  if (!known) inexpressible_ = true;
  return *this;
}

JsonWriter& JsonWriter::base64(bool on) {
  base64_ = on;
  return *this;
}

JsonWriter& JsonWriter::flat(const TensorView& tensor) {
  std::int64_t count = tensor.elements();
  return nested({tensor.type, DimsView(&count, 1), tensor.data});
}

// Errors are kept until here, so that a caller chains its calls and checks once.
Result<std::string> JsonWriter::done() {
  if (full()) {
    return Error(Kind::bad_input, "response-too-large",
                 fmt::format("the response would be larger than the {} bytes that are allowed", limit_));
  }
  if (inexpressible_) {
    return Error(Kind::unsupported, "no-json-form", "an output has values for which JSON has no form");
  }
  return std::move(text_);
}

}  // namespace modelctl::serve
