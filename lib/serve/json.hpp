// Tensors as JSON, both ways: nested or flat lists of numbers, booleans or strings. Boost.JSON stays inside json.cpp.
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// A parsed document, or a part of one: cheap to copy, valid while its Document lives.
class JsonRef {
 public:
  JsonRef() = default;
  explicit JsonRef(const void* value) : value_(value) {}

  bool present() const { return value_ != nullptr; }
  bool is_object() const;
  bool is_array() const;
  JsonRef member(std::string_view name) const;  // absent where it is no object or has no such member
  std::vector<std::pair<std::string, JsonRef>> members() const;
  std::vector<JsonRef> elements() const;
  std::optional<std::string> text() const;
  std::optional<std::int64_t> integer() const;
  std::optional<bool> boolean() const;

  const void* value() const { return value_; }

 private:
  const void* value_ = nullptr;
};

class JsonDocument {
 public:
  // Refuses what is not one JSON value, nests deeper than 32, or is no UTF-8; says where.
  static Result<JsonDocument> parse(std::string_view text);
  ~JsonDocument();
  JsonDocument(JsonDocument&&) noexcept;

  JsonRef root() const;

 private:
  struct State;
  explicit JsonDocument(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The tensor that a list stands for. Nested lists give the dimensions themselves; a flat list is taken as `shape` where
// one is given. Every element must fit `type` exactly: 1.5 is no i64, 300 is no u8. `place` is for messages: "'image'".
Result<Tensor> tensor_from_json(JsonRef list, DType type, const std::optional<Dims>& shape, std::string_view place);

// The text of a response, up to a limit: a few bytes of a request can ask for outputs of any size. What is written
// beyond the limit is dropped, and done() fails.
class JsonText {
 public:
  explicit JsonText(std::uint64_t limit) : limit_(limit) {}

  // As it stands: punctuation and keys.
  JsonText& raw(std::string_view text);
  // A string in quotes.
  JsonText& string(std::string_view text);
  // Nested lists, or one list of all elements in row-major order. A number has the shortest form that reads back to the
  // same number; what JSON cannot express (NaN, infinities) becomes null.
  JsonText& nested(const TensorView& tensor);
  JsonText& flat(const TensorView& tensor);

  Result<std::string> done();

 private:
  bool full() const { return full_ || text_.size() > limit_; }
  template <class T>
  void element(const T& value);
  template <class T>
  void list(const T*& next, DimsView dims);

  std::string text_;
  const std::uint64_t limit_;
  bool full_ = false;  // something was not even written
};

}  // namespace modelctl::serve
