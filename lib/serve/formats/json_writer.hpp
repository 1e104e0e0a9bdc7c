// The JSON of a response. What JSON has no form for is written as it is read (tensor/json/tensor.hpp), so that a
// response can be sent back as a request: NaN and the infinities are the strings "NaN", "Infinity" and "-Infinity",
// unless a setting says otherwise.
#pragma once

#include "base/result.hpp"
#include "serve/settings.hpp"
#include "tensor/json/tensor.hpp"

#include <string>
#include <string_view>

namespace modelctl::serve {

// What --non-finite says.
json::NonFiniteForm non_finite_form(const Settings& settings);

// The text of a response, up to a limit: a few bytes of a request can ask for outputs of any size. What is written
// beyond the limit is dropped, and done() fails.
class JsonWriter {
 public:
  explicit JsonWriter(std::uint64_t limit, json::NonFiniteForm non_finite = json::NonFiniteForm::strings)
      : limit_(limit), non_finite_(non_finite) {}
  // Of a response with tensors.
  explicit JsonWriter(const Settings& settings);

  // As it stands: punctuation and keys.
  JsonWriter& raw(std::string_view text);
  // A string in quotes. What is not UTF-8 in it is replaced by U+FFFD: for names and messages.
  JsonWriter& string(std::string_view text);
  // Nested lists, or one list of all elements in row-major order. A number has the shortest form that reads back to the
  // same number. A string that is not UTF-8 has no form in JSON: done() fails.
  JsonWriter& nested(const TensorView& tensor);
  JsonWriter& flat(const TensorView& tensor);
  // From here on the strings of tensors are {"b64": "…"}, which any bytes have.
  JsonWriter& base64(bool on);

  Result<std::string> done();

  // Whether the limit was reached: what is written from here on is dropped.
  bool full() const { return full_ || text_.size() > limit_; }

 private:
  template <class T>
  void element(const T& value);
  template <class T>
  void list(const T*& next, DimsView dims);

  std::string text_;
  const std::uint64_t limit_;
  const json::NonFiniteForm non_finite_;
  bool full_ = false;  // something was not even written
  bool inexpressible_ = false;
  bool base64_ = false;
};

}  // namespace modelctl::serve
