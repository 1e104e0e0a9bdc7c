// const a, const b;  c = Add(a, b)  ->  const c
// It does not pay if the result is much larger than the operands (an Expand, a ConstantOfShape, a Tile): computing it
// is cheaper than storing it, so such nodes stay. Nor if it would take long: operators whose work is not bounded by the
// size of their operands state their multiplications (Traits), and the whole build has a budget of them.
#include "base/host.hpp"
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <algorithm>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

constexpr std::uint64_t always_fine = 64 * 1024;
constexpr std::uint64_t growth = 8;  // what unpacking 4-bit weights to f32 takes

std::uint64_t bytes_of(const Tensor& tensor) { return byte_size(tensor.type(), tensor.dims()).value_or(0); }

// `left` is how many bytes of results the whole build may still add. Both budgets are the build's: many nodes that are
// each fine must not add up to an artifact, or a build, without a bound.
bool fold(Node& node, std::uint64_t& left, std::uint64_t& multiplications_left, const Interrupt* interrupt) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  if (def == nullptr || def->impure || !node.subgraphs.empty() || ops::find_run(node.domain, node.op) == nullptr) {
    return false;
  }
  std::vector<TensorView> inputs;
  std::uint64_t budget = always_fine;
  for (const Value* input : node.inputs()) {
    if (input != nullptr && !input->is_constant()) return false;
    inputs.push_back(input == nullptr ? TensorView() : input->constant.view());
    if (input != nullptr) budget += growth * bytes_of(input->constant);
  }
  if (def->traits.multiplications != nullptr) {
    std::uint64_t needed = def->traits.multiplications(node);
    if (needed > multiplications_left) return false;
    multiplications_left -= needed;
  }
  // A node that fails is left to the run, which may never reach it.
  auto computed = ops::evaluate(node.domain, node.op, node.attributes, inputs, node.outputs().size(),
                                std::min(budget, left), interrupt);
  if (!computed) return false;
  for (std::size_t i = 0; i < node.outputs().size(); ++i) {
    const Tensor& tensor = (*computed)[i];
    if (node.output(i) != nullptr && (!tensor.present() || tensor.type() >= DType::sequence)) return false;
  }
  for (std::size_t i = 0; i < node.outputs().size(); ++i) {
    if (node.output(i) == nullptr) continue;
    left -= std::min(left, bytes_of((*computed)[i]));
    replace_by_constant(node.output(i), std::move((*computed)[i]));
  }
  const std::vector<Value*> operands = node.inputs();
  node.graph().erase(&node);
  std::for_each(operands.begin(), operands.end(), release_if_unused);
  return true;
}

Result<std::size_t> run(Graph& graph, const PassContext& context) {
  std::size_t changes = 0;
  for_each_graph(graph, [&](Graph& each) {
    each.for_each_node([&](Node& node) {
      if (context.stop != nullptr && context.stop->stopped()) return;
      changes += fold(node, context.fold_bytes, context.fold_multiplications, context.stop) ? 1 : 0;
    });
  });
  if (changes > 0) graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "fold-constants",
    .summary = "Computes nodes whose inputs are all constants.",
    .phase = Phase::fold,
    .order = 20,
    .level = 1,
    .run = run,
}};

}  // namespace

std::span<const PassDef> fold_constants_pass() { return defs; }

}  // namespace modelctl::passes
