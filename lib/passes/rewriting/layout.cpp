// Transpose's perm maps an axis of the output to the axis of the input that it reads, so that the two permutations here
// are inverse to each other.
#include "passes/rewriting/layout.hpp"

#include <numeric>

namespace modelctl::passes {

Permutation to_channels_last(std::size_t rank) {
  Permutation order(rank);
  std::iota(order.begin() + 1, order.end(), 2);
  order.back() = 1;
  return order;
}

Permutation to_channels_first(std::size_t rank) {
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
