// x * 0.5 * (1 + Erf(x / sqrt(2)))  ->  Gelu(x)
// x * Clip(x + 3, 0, 6) / 6         ->  HardSwish(x)
// in any grouping of the factors. It always pays: five passes over memory become one, or none if fuse-activation puts
// the activation into a product.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <cmath>

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

struct Product {
  float number = 1;
  int nodes = 0;  // visited: a long chain of products is not an activation
  std::vector<Value*> factors;
};

// Exporters round sqrt(2) and 1 / 6 to f32, and the product of several such numbers is a little off again.
bool near(float a, double b) { return std::fabs(a - b) <= 1e-6 * (1 + std::fabs(b)); }

// The factors of a tree of Mul, and of Div by a number, whose inner nodes nobody else reads.
void collect(Value* value, bool root, Product& product) {
  Node* node = value == nullptr || product.nodes++ > 8 ? nullptr : value->producer();
  bool inner = node != nullptr && (root || used_once(*value));
  if (auto number = scalar(value)) {
    product.number *= *number;
  } else if (inner && node->is("Mul")) {
    collect(node->input(0), false, product);
    collect(node->input(1), false, product);
  } else if (inner && node->is("Div") && scalar(node->input(1)).value_or(0) != 0) {
    product.number /= *scalar(node->input(1));
    collect(node->input(0), false, product);
  } else {
    product.factors.push_back(value);
  }
}

// 1 + Erf(x / sqrt(2))
bool is_gelu_gate(const Value* value, const Value* x) {
  const Node* sum = producer(value, "Add");
  Operands erf = sum == nullptr ? Operands() : operand_from(*sum, "Erf");
  if (erf.node == nullptr || scalar(erf.other) != 1.0f) return false;
  Product inside;
  collect(erf.node->input(0), true, inside);
  return inside.factors.size() == 1 && inside.factors[0] == x && near(inside.number, std::sqrt(0.5));
}

// Clip(x + 3, 0, 6)
bool is_hard_swish_gate(const Value* value, const Value* x) {
  const Node* clip = producer(value, "Clip");
  if (clip == nullptr || scalar(clip->input(1)) != 0.0f || scalar(clip->input(2)) != 6.0f) return false;
  const Node* sum = producer(clip->input(0), "Add");
  if (sum == nullptr) return false;
  return (sum->input(0) == x && scalar(sum->input(1)) == 3.0f) || (sum->input(1) == x && scalar(sum->input(0)) == 3.0f);
}

bool visit(Node& node) {
  if (!node.is("Mul") && !node.is("Div")) return false;
  Product product;
  collect(node.output(0), true, product);
  if (product.factors.size() != 2) return false;
  for (std::size_t side : {0u, 1u}) {
    Value *x = product.factors[side], *gate = product.factors[1 - side];
    bool gelu = near(product.number, 0.5) && is_gelu_gate(gate, x);
    bool hard_swish = near(product.number, 1.0 / 6) && is_hard_swish_gate(gate, x);
    if (!gelu && !hard_swish) continue;
    // A number with more axes than x would give the product more axes too.
    if (!plain_f32(x) || !same_shape(*x, *node.output(0))) return false;
    replace_by_node(node, "", gelu ? "Gelu" : "HardSwish", {x});
    return true;
  }
  return false;
}

constexpr PassDef defs[] = {{
    .name = "name-activations",
    .summary = "Recognizes Gelu and HardSwish in the arithmetic that exporters write.",
    .phase = Phase::recognize,
    .order = 10,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> name_activations_pass() { return defs; }

}  // namespace modelctl::passes
