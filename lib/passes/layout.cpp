// Permutations for Transpose: [0, 2, 3, …, 1] to channels last, and [0, n - 1, 1, 2, …] back.
#include "passes/layout.hpp"

#include <numeric>

namespace modelctl::passes {

Permutation to_last(std::size_t rank) {
  Permutation order(rank);
  std::iota(order.begin() + 1, order.end(), 2);
  order.back() = 1;
  return order;
}

Permutation to_first(std::size_t rank) {
  Permutation order(rank);
  std::iota(order.begin() + 1, order.end(), 0);
  order[1] = static_cast<std::int64_t>(rank) - 1;
  return order;
}

graph::Value* transposed(graph::Value* value, const Permutation& order, graph::Node* before) {
  graph::Node* node = before->graph().add_node("", "Transpose", {value}, {value->name + ".transposed"}, before);
  node->attributes.set("perm", order);
  graph::Type& type = node->output(0)->type;
  type.element = value->type.element;
  if (value->type.shape) {
    type.shape.emplace();
    for (std::int64_t axis : order) type.shape->push_back((*value->type.shape)[static_cast<std::size_t>(axis)]);
  }
  return node->output(0);
}

}  // namespace modelctl::passes
