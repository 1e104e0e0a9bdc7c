// Add(modelctl::Conv(x, w), r)  ->  modelctl::Conv(x, w, _, r); modelctl::Gemm so.
// It pays if only the Add uses the sum and r has its shape; an r that broadcasts stays an Add. Before fuse-activation,
// since the kernel adds the residual before it applies the activation.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

bool visit(Node& node) {
  if (!node.is("Add")) return false;
  // The later of the two products takes the other one in: both orders are right, this one frees memory earlier.
  for (std::size_t side : {1u, 0u}) {
    Node* product = open_product(node.input(side));
    Value* other = node.input(1 - side);
    if (product == nullptr || !plain_f32(other) || other->is_constant() || !same_shape(*node.input(side), *other))
      continue;
    // In the place of the Add: both operands exist there.
    std::vector<Value*> inputs = product->inputs();
    inputs.resize(4, nullptr);
    inputs[3] = other;
    replace_by_node(node, "modelctl", product->op, std::move(inputs), product->attributes)->name = product->name;
    return true;
  }
  return false;
}

constexpr PassDef defs[] = {{
    .name = "fuse-residual",
    .summary = "Fuses the addition of another branch into the product before it.",
    .phase = Phase::fuse,
    .order = 20,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> fuse_residual_pass() { return defs; }

}  // namespace modelctl::passes
