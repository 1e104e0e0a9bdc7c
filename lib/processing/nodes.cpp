// Each node is inferred when it is added, since the next one may ask for its rank.
#include "base/check.hpp"
#include "ops/schema/operator.hpp"
#include "processing/kind.hpp"

#include <fmt/format.h>

namespace modelctl::processing {

Result<graph::Node*> Nodes::add_node(std::string_view domain, std::string_view op, std::vector<graph::Value*> inputs,
                                     Attributes attributes, std::size_t outputs) {
  std::vector<std::string> names(outputs, fmt::format("{}.{}", label_, op));
  graph::Node* node = graph_.add_node(domain, op, std::move(inputs), names, before_);
  node->name = label_;
  node->attributes = std::move(attributes);
  TRY(ops::infer(*node));
  return node;
}

Result<graph::Value*> Nodes::add(std::string_view op, std::vector<graph::Value*> inputs, Attributes attributes) {
  return TRY(add_node("", op, std::move(inputs), std::move(attributes), 1))->output(0);
}

graph::Value* Nodes::constant(Tensor tensor) { return graph_.add_constant(label_ + ".constant", std::move(tensor)); }

graph::Value* Nodes::ints(std::vector<std::int64_t> values) { return constant(Tensor::of_ints(values)); }

graph::Value* Nodes::floats(const std::vector<double>& values, Dims dims) {
  Tensor tensor(DType::f32, std::move(dims));
  MODELCTL_CHECK(tensor.elements() == static_cast<std::int64_t>(values.size()), "the dimensions are of the values");
  std::transform(values.begin(), values.end(), tensor.mutable_view().as<float>().begin(),
                 [](double value) { return static_cast<float>(value); });
  return constant(std::move(tensor));
}

Result<graph::Value*> Nodes::cast(graph::Value* value, DType type) {
  if (value->type.element == type) return value;
  return add("Cast", {value}, {{"to", static_cast<std::int64_t>(type)}});
}

}  // namespace modelctl::processing
