// y = LpPool(x)  ->  Pow(Sum(Pow(Abs(x)))): operators that are only written as others, and have no code of their own.
// Needed before lowering, whatever it costs.
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
  // Nested graphs first: they go with the node that has them.
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

constexpr PassDef defs[] = {{"decompose", "Writes operators without code of their own as others.", run}};

}  // namespace

std::span<const PassDef> decompose_pass() { return defs; }

}  // namespace modelctl::passes
