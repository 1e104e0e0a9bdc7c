// dy = Gradient(x) {xs: ["x"], y: "y"}  ->  the nodes that compute it
// Before all passes that could erase a value that a Gradient names. There is no other way to run a Gradient.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"

#include <fmt/format.h>

namespace modelctl::passes {
namespace {

constexpr std::size_t most_nodes = 100'000;

Result<std::size_t> run(graph::Graph& graph, const PassContext&) {
  std::vector<graph::Node*> nodes;
  for (const auto& node : graph.nodes()) {
    if (node->is("Gradient", "ai.onnx.preview.training")) nodes.push_back(node.get());
  }
  for (graph::Node* node : nodes) {
    std::string place = node->place();
    TRY(ops::find(node->domain, node->op)->decompose(*node));
    // A derivative of a derivative is several times as long, and so on.
    if (graph.nodes().size() > most_nodes) {
      return Error(Kind::bad_input, "too-large",
                   fmt::format("cannot expand a Gradient: the model's derivatives take more than {} nodes", most_nodes))
          .at(place);
    }
  }
  if (!nodes.empty()) TRY(graph.sort());
  return nodes.size();
}

constexpr PassDef defs[] = {{
    .name = "expand-gradients",
    .summary = "Writes derivatives as the nodes that compute them.",
    .phase = Phase::expand,
    .order = 10,
    .level = 0,
    .infer_after = true,
    .run = run,
}};

}  // namespace

std::span<const PassDef> expand_gradients_pass() { return defs; }

}  // namespace modelctl::passes
