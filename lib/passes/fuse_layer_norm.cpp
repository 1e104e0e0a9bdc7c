// d = Sub(x, ReduceMean(x));  Add(Mul(Div(d, Sqrt(Add(ReduceMean(Pow(d, 2)), eps))), scale), bias)
//   ->  LayerNormalization(x, scale, bias), over the last axis.
// It always pays: eight passes over memory become one. If others read d too, it is computed in addition.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// What a ReduceMean over the last axis, which it keeps, is taken of.
Value* mean_of(const Value* value) {
  const Node* node = producer(value, "ReduceMean");
  if (node == nullptr || !plain_f32(node->input(0)) || node->attributes.integer("keepdims", 1) == 0) return nullptr;
  auto axes = integers(node->input(1));
  auto last = static_cast<std::int64_t>(node->input(0)->type.shape->size()) - 1;
  bool over_last = axes && axes->size() == 1 && ((*axes)[0] == -1 || (*axes)[0] == last);
  return over_last ? node->input(0) : nullptr;
}

// Exporters write the square as Pow(d, 2) or as Mul(d, d).
bool is_square_of(const Value* value, const Value* d) {
  if (const Node* power = producer(value, "Pow"); power != nullptr) {
    return power->input(0) == d && scalar(power->input(1)) == 2.0f;
  }
  const Node* product = producer(value, "Mul");
  return product != nullptr && product->input(0) == d && product->input(1) == d;
}

// One element for each along the last axis of x.
bool is_row(const Value* value, const Value* x) {
  const Tensor* tensor = constant(value);
  return tensor != nullptr && tensor->dims().size() == 1 && x->type.shape->back().is(tensor->dims()[0]);
}

// From the last node backward: each operand must be exactly what the formula has there, d the same value in both
// places.
bool visit(Node& node) {
  if (!node.is("Add")) return false;
  Operands product = operand_from(node, "Mul");
  Operands quotient = product.node == nullptr ? Operands() : operand_from(*product.node, "Div");
  if (quotient.node == nullptr) return false;
  Value* d = quotient.node->input(0);
  const Node* difference = producer(d, "Sub");
  const Node* root = producer(quotient.node->input(1), "Sqrt");
  const Node* sum = root == nullptr ? nullptr : producer(root->input(0), "Add");
  Operands variance = sum == nullptr ? Operands() : operand_from(*sum, "ReduceMean");
  if (difference == nullptr || variance.node == nullptr) return false;
  Value* x = difference->input(0);
  auto epsilon = scalar(variance.other);
  const Value* square = mean_of(variance.node->output(0));
  if (!epsilon || !plain_f32(x) || x->type.shape->empty() || mean_of(difference->input(1)) != x) return false;
  if (square == nullptr || !is_square_of(square, d) || !is_row(quotient.other, x) || !is_row(product.other, x)) {
    return false;
  }
  replace_by_node(node, "", "LayerNormalization", {x, quotient.other, product.other},
                  {{"axis", std::int64_t{-1}}, {"epsilon", *epsilon}});
  return true;
}

constexpr PassDef defs[] = {{
    .name = "fuse-layer-norm",
    .summary = "Recognizes layer normalization in the arithmetic that exporters write.",
    .phase = Phase::recognize,
    .order = 20,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> fuse_layer_norm_pass() { return defs; }

}  // namespace modelctl::passes
