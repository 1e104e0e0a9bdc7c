// y = MatMul(a, b)  ->  y: f32[batch,64] = MatMul(a, b)
// Every operator tells the types, shapes and small integer contents of its outputs from those of its inputs. Needed by
// all that follows; run again whenever a pass made nodes or constants.
#include "ops/operator.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

std::string known_of(const Node& node) {
  std::string text;
  for (const Value* value : node.outputs()) {
    if (value == nullptr) continue;
    text += describe(value->type);
    if (value->contents) {
      for (const graph::Expr& element : *value->contents) text += ' ' + element.text();
    }
  }
  return text;
}

std::size_t infer_nodes(Graph& graph, Faults& faults) {
  std::size_t changes = 0;
  for (const auto& node : graph.nodes()) {
    for (const auto& [attribute, sub] : node->subgraphs) changes += infer_nodes(*sub, faults);
    std::string before = known_of(*node);
    auto inferred = ops::infer(*node);
    if (!inferred) {
      Error error = std::move(inferred).error();
      if (error.where.empty()) error.where = node->place();
      faults.add(std::move(error));
      continue;
    }
    changes += known_of(*node) != before;
  }
  return changes;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  Faults faults;
  std::size_t changes = infer_nodes(graph, faults);
  if (!faults.none()) return std::move(faults).sum("the model cannot be right");
  return changes;
}

constexpr PassDef defs[] = {{"infer", "Tells the types and shapes of all values.", run}};

}  // namespace

std::span<const PassDef> infer_pass() { return defs; }

}  // namespace modelctl::passes
