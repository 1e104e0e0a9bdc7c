// y = LpPool(x)  ->  Pow(Sum(Pow(Abs(x)))): operators that are defined by others and have no implementation of their
// own (OpDef::decompose). Lowering needs it, so that it runs at every level.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"

#include <algorithm>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = 0;
  Faults faults;
  std::vector<Graph*> graphs;
  for_each_graph(graph, [&](Graph& each) { graphs.push_back(&each); });
  // Nested graphs first: they are erased with the node that owns them.
  std::reverse(graphs.begin(), graphs.end());
  for (Graph* each : graphs) {
    each->for_each_node([&](Node& node) {
      const ops::OpDef* def = ops::find(node.domain, node.op);
      if (def == nullptr || def->decompose == nullptr) return;
      std::string place = node.place();
      auto done = def->decompose(node);
      if (done) {
        ++changes;
        return;
      }
      Error error = std::move(done).error();
      if (error.where.empty()) error.where = place;
      faults.add(std::move(error));
    });
  }
  if (!faults.none()) return std::move(faults).sum("cannot compile the model");
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "decompose",
    .summary = "Replaces operators that are defined by others.",
    .phase = Phase::decompose,
    .order = 10,
    .level = 0,
    .infer_after = true,
    .run = run,
}};

}  // namespace

std::span<const PassDef> decompose_pass() { return defs; }

}  // namespace modelctl::passes
