// The attributes of an operator: a small sorted map from name to value. The same type is used by the ONNX reader, the
// graph, the artifact and the reference implementations. Subgraphs are not attributes here (graph::Node and
// artifact::Step hold them).
#pragma once

#include "tensor/tensor.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace modelctl {

using AttributeValue = std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>,
                                    std::vector<float>, std::vector<std::string>>;

class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> values);

  void set(std::string name, AttributeValue value);
  void erase(std::string_view name);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const AttributeValue* find(std::string_view name) const;

  // The value, or the default if it is absent or of another type. A model's nodes are checked against the schema when
  // they are read, but the steps of an artifact come from a file that anybody may have written: a wrong type must not
  // crash.
  std::int64_t integer(std::string_view name, std::int64_t otherwise = 0) const;
  float number(std::string_view name, float otherwise = 0) const;
  std::string_view text(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::int64_t>& integers(std::string_view name) const;  // empty if absent
  const std::vector<float>& numbers(std::string_view name) const;
  const std::vector<std::string>& texts(std::string_view name) const;
  const Tensor* tensor(std::string_view name) const;

  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<std::pair<std::string, AttributeValue>> values_;  // sorted by name
};

}  // namespace modelctl
