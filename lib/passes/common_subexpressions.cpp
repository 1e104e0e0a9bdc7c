// a = Shape(x); b = Shape(x)  ->  a, for both
// Small constants of the same content become one first, since nodes over them are otherwise never equal. It always
// pays. Not for impure operators: two random nodes are two random tensors.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <map>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

constexpr std::uint64_t small = 4096;

std::size_t share_constants(Graph& graph) {
  std::size_t changes = 0;
  std::map<std::string, Value*> known;
  for (Value* value : graph.values()) {
    if (!value->is_constant() || value->constant.type() == DType::string) continue;
    if (byte_size(value->constant.type(), value->constant.dims()).value_or(small + 1) > small) continue;
    // Compared by bytes: 0 and -0 stay two constants, and equal NaNs become one.
    std::string key = describe(value->constant.type(), value->constant.dims());
    key += as_text(value->constant.bytes());
    auto [at, added] = known.emplace(std::move(key), value);
    if (added || value->uses().empty()) continue;
    graph.replace_uses(value, at->second);
    ++changes;
  }
  return changes;
}

using Key = std::pair<std::string, std::vector<const Value*>>;

// One pass in the order of the nodes: when a node is visited, its inputs have already been replaced by the shared ones,
// so that equal chains of any length become one. The other node must have every output that this one has.
std::size_t share_nodes(Graph& graph) {
  std::size_t changes = 0;
  std::map<Key, std::vector<Node*>> known;
  graph.for_each_node([&](Node& node) {
    const ops::OpDef* def = ops::find(node.domain, node.op);
    if (def == nullptr || def->impure || !node.subgraphs.empty()) return;
    Key key(ops::qualified(node.domain, node.op), {node.inputs().begin(), node.inputs().end()});
    std::vector<Node*>& others = known[std::move(key)];
    for (Node* other : others) {
      if (!same_attributes(node.attributes, other->attributes)) continue;
      bool has_all = node.outputs().size() <= other->outputs().size();
      for (std::size_t i = 0; has_all && i < node.outputs().size(); ++i) {
        has_all = node.output(i) == nullptr || other->output(i) != nullptr;
      }
      if (!has_all) continue;
      for (std::size_t i = 0; i < node.outputs().size(); ++i) {
        if (node.output(i) != nullptr) graph.replace_uses(node.output(i), other->output(i));
      }
      graph.erase(&node);
      ++changes;
      return;
    }
    others.push_back(&node);
  });
  return changes;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = 0;
  for_each_graph(graph, [&](Graph& each) { changes += share_constants(each) + share_nodes(each); });
  if (changes > 0) graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "common-subexpressions",
    .summary = "Computes once what is computed twice.",
    .phase = Phase::simplify,
    .order = 20,
    .level = 1,
    .run = run,
}};

}  // namespace

std::span<const PassDef> common_subexpressions_pass() { return defs; }

}  // namespace modelctl::passes
