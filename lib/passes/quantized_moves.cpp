// QuantizeLinear(op(DequantizeLinear(x, s, z)), s, z)  ->  op(x), if op only moves elements: Reshape, Transpose, …
// Dequantizing and quantizing by the same scale returns the same bytes, so that only the work changes: a quarter of the
// bytes move, and two conversions disappear.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

bool moves(const Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  return def != nullptr && def->traits.data_movement != ops::DataMovement::none;
}

// The same constant, or none on both sides.
bool same_constant(const Value* a, const Value* b) {
  if (a == b) return true;
  return a != nullptr && b != nullptr && a->is_constant() && b->is_constant() && same(a->constant, b->constant);
}

// One finite scale, not so small that a step is lost in rounding.
bool one_plain_scale(const Value* value) {
  auto scale = scalar(value);
  return scale && *scale > 1e-30f && *scale < 1e30f;
}

bool visit(Node& node) {
  Value* moved = node.input(0);
  if (!node.is("QuantizeLinear") || moved == nullptr || moved->producer() == nullptr || !used_once(*moved)) {
    return false;
  }
  const Node& move = *moved->producer();
  Value* numbers = moves(move) ? move.input(0) : nullptr;
  const Node* source = numbers == nullptr ? nullptr : numbers->producer();
  if (source == nullptr || !source->is("DequantizeLinear")) return false;
  if (!same_constant(node.input(1), source->input(1)) || !same_constant(node.input(2), source->input(2))) return false;
  if (!one_plain_scale(node.input(1)) || node.attributes.has("precision")) return false;
  Value* steps = source->input(0);
  DType type = steps->type.element;
  if ((type != DType::u8 && type != DType::i8) || node.output(0)->type.element != type) return false;

  std::vector<Value*> inputs = move.inputs();
  inputs[0] = steps;
  replace_by_node(node, move.domain, move.op, std::move(inputs), move.attributes)->name = move.name;
  return true;
}

constexpr PassDef defs[] = {{
    .name = "quantized-moves",
    .summary = "Moves quantized elements instead of the floats that they stand for.",
    .phase = Phase::quantize,
    .order = 10,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> quantized_moves_pass() { return defs; }

}  // namespace modelctl::passes
