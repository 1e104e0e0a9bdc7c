// Relu(modelctl::Conv(x, w))  ->  modelctl::Conv(x, w) {activation: "relu"}; modelctl::Gemm so.
// Also every other ACTIVATION of kernels/unary.def, and v * Sigmoid(v). It always pays if nobody else reads what the
// activation is applied to: a pass over memory is saved.
#include "ops/family/elementwise.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

// v * Sigmoid(v), if nothing else reads v or the Sigmoid.
Value* silu_operand(const Node& node) {
  if (!node.is("Mul")) return nullptr;
  for (std::size_t side : {0u, 1u}) {
    Value* v = node.input(side);
    const Node* sigmoid = producer(node.input(1 - side), "Sigmoid");
    if (sigmoid == nullptr || sigmoid->input(0) != v || !used_once(*sigmoid->output(0))) continue;
    if (v->uses().size() == 2 && !v->is_output()) return v;
  }
  return nullptr;
}

void apply(Node& product, const ops::UnaryFunction& activation) {
  for (const auto& [name, value] : activation.attributes("activation")) product.attributes.set(name, value);
}

bool visit(Node& node) {
  if (Value* v = silu_operand(node); v != nullptr) {
    Node* product = plain_product(v);
    if (product == nullptr) return false;
    apply(*product, {"silu", true, {}, {}});
    replace(node, v);  // the Sigmoid is dead now
    return true;
  }
  Value* x = node.input(0);
  Node* product = plain_product(x);
  auto function = product == nullptr ? std::nullopt : ops::unary_function(node);
  if (!function || !function->activation || !used_once(*x)) return false;
  apply(*product, *function);
  replace(node, x);
  return true;
}

constexpr PassDef defs[] = {{
    .name = "fuse-activation",
    .summary = "Fuses an activation into the product before it.",
    .phase = Phase::fuse,
    .order = 30,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> fuse_activation_pass() { return defs; }

}  // namespace modelctl::passes
