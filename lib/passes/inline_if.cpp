// const c = true;  y = If(c) {then_branch: graph {z = Neg(x); output z}, …}  ->  y = Neg(x)
// It always pays: the other branch is gone, and all passes see the nodes of this one.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// The branch that a constant condition chooses; null if only the run can choose.
Graph* chosen(const Node& node) {
  if (!node.is("If")) return nullptr;
  const Tensor* condition = constant(node.input(0), DType::boolean);
  if (condition == nullptr || condition->elements() != 1) return nullptr;
  auto branch = node.subgraphs.find(condition->as<bool>()[0] ? "then_branch" : "else_branch");
  bool fits = branch != node.subgraphs.end() && branch->second->inputs.empty() &&
              branch->second->outputs().size() >= node.outputs().size();
  return fits ? branch->second.get() : nullptr;
}

// Not with for_each_node: it would visit graphs that were erased.
std::size_t inline_in(Graph& graph) {
  std::size_t changes = 0;
  graph.for_each_node([&](Node& node) {
    Graph* branch = chosen(node);
    if (branch == nullptr) return;
    std::vector<Value*> made = inline_graph(*branch, {}, node);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      if (node.output(i) != nullptr) graph.replace_uses(node.output(i), made[i]);
    }
    graph.erase(&node);
    ++changes;
  });
  for (const auto& node : graph.nodes()) {
    for (const auto& [attribute, sub] : node->subgraphs) changes += inline_in(*sub);
  }
  return changes;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = inline_in(graph);
  if (changes > 0) graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "inline-if",
    .summary = "Puts the branch that a constant condition chooses in the place of an If.",
    .phase = Phase::fold,
    .order = 30,
    .level = 1,
    .run = run,
}};

}  // namespace

std::span<const PassDef> inline_if_pass() { return defs; }

}  // namespace modelctl::passes
