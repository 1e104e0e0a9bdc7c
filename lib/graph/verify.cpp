// The verifier. It recomputes uses, producers and order from the lists of nodes and outputs alone, and compares them
// with what values and nodes have recorded: an accessor that a buggy pass has confused must not hide the fault.
#include "graph/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace modelctl::graph {
namespace {

class Verifier {
 public:
  Result<void> run(const Graph& graph) {
    check_uses(graph);
    check_graph(graph);
    if (faults_.none()) return {};
    return std::move(faults_).sum(fmt::format("graph '{}' is not consistent", graph.name));
  }

 private:
  // Kind::bug: readers refuse invalid models before, so an inconsistent graph is always our error.
  void fault(const Graph& graph, std::string what, std::string where) {
    faults_.add(Error(Kind::bug, "inconsistent-graph", std::move(what))
                    .at(where.empty() ? fmt::format("graph '{}'", graph.name) : std::move(where)));
  }

  // Compares the uses according to the nodes, over all graphs, with the uses that the values have recorded.
  void check_uses(const Graph& root) {
    using Places = std::vector<std::pair<const Node*, std::size_t>>;
    std::unordered_map<const Value*, Places> uses;
    std::unordered_set<const Value*> outputs;
    for_each_graph(root, [&](const Graph& graph) {
      for (const auto& node : graph.nodes()) {
        for (std::size_t i = 0; i < node->inputs().size(); ++i) {
          if (node->input(i) != nullptr) uses[node->input(i)].emplace_back(node.get(), i);
        }
      }
      for (const Value* value : graph.outputs()) outputs.insert(value);
    });
    for_each_graph(root, [&](const Graph& graph) {
      for (const Value* value : graph.values()) {
        Places recorded;
        for (const Use& use : value->uses()) recorded.emplace_back(use.node, use.index);
        Places& found = uses[value];
        // The order of a use list has no meaning: drop_use moves its last entry.
        std::sort(recorded.begin(), recorded.end());
        std::sort(found.begin(), found.end());
        if (recorded != found) fault(graph, fmt::format("the use list of '{}' is wrong", value->name), {});
        if (value->is_output() != (outputs.count(value) > 0)) {
          fault(graph, fmt::format("'{}' is wrongly recorded as an output or as none", value->name), {});
        }
      }
    });
  }

  // Walks in execution order: a node may use what is available so far, and a subgraph what is available at its node.
  void check_graph(const Graph& graph) {
    std::unordered_set<std::string> names;
    std::unordered_set<const Value*> known;
    for (const Value* value : graph.values()) {
      known.insert(value);
      if (!names.insert(value->name).second) fault(graph, fmt::format("two values are named '{}'", value->name), {});
      if (graph.find_value(value->name) != value)
        fault(graph, fmt::format("'{}' is not found by name", value->name), {});
      check_value(graph, *value);
    }
    for (const Value* value : graph.inputs) {
      if (known.count(value) == 0 || !value->is_input())
        fault(graph, "an input is not an input value of the graph", {});
      else available_.insert(value);
    }
    for (const Value* value : graph.values()) {
      if (value->is_constant()) available_.insert(value);
    }
    for (const auto& node : graph.nodes()) {
      for (const Value* value : node->inputs()) need(graph, value, node->place());
      for (const auto& [attribute, sub] : node->subgraphs) {
        if (sub->outer != &graph || sub->owner != node.get()) {
          fault(graph, fmt::format("subgraph '{}' has the wrong outer graph or owner", attribute), node->place());
        }
        // Before the node's own outputs become available: a body runs within its node.
        check_graph(*sub);
      }
      for (std::size_t i = 0; i < node->outputs().size(); ++i) {
        const Value* value = node->outputs()[i];
        if (value == nullptr) continue;
        if (known.count(value) == 0) fault(graph, "an output is a value of another graph", node->place());
        else if (value->producer() != node.get() || value->index() != i) {
          fault(graph, fmt::format("'{}' names another producer", value->name), node->place());
        }
        available_.insert(value);
      }
    }
    for (const Value* value : graph.outputs()) need(graph, value, {});
  }

  void need(const Graph& graph, const Value* value, std::string where) {
    if (value == nullptr || available_.count(value) > 0) return;
    fault(graph, fmt::format("'{}' is used before it is defined", value->name), std::move(where));
  }

  // The properties of a value by itself: one source, and known elements and data that match its type.
  void check_value(const Graph& graph, const Value& value) {
    if (&value.graph() != &graph) fault(graph, fmt::format("'{}' belongs to another graph", value.name), {});
    int sources = (value.producer() != nullptr) + value.is_constant() + value.is_input();
    if (sources > 1) fault(graph, fmt::format("'{}' has {} sources", value.name, sources), {});
    if (value.contents && value.type.shape) {
      const Shape& shape = *value.type.shape;
      bool agrees =
          shape.size() <= 1 && (shape.empty() ? value.contents->size() == 1
                                              : shape[0].is(static_cast<std::int64_t>(value.contents->size())));
      if (!agrees) fault(graph, fmt::format("'{}' has {} known elements", value.name, value.contents->size()), {});
    }
    if (is_collection(value.type.element) && (!value.type.shape || !value.type.shape->empty() || value.contents)) {
      fault(graph,
            fmt::format("'{}' is {}, which has neither dimensions nor elements", value.name, describe(value.type)), {});
    }
    if (!value.is_constant()) return;
    const Dims& dims = value.constant.dims();
    bool agrees =
        value.type.element == value.constant.type() && value.type.shape && value.type.shape->size() == dims.size();
    for (std::size_t i = 0; agrees && i < dims.size(); ++i) agrees = (*value.type.shape)[i].is(dims[i]);
    if (!agrees) {
      fault(graph,
            fmt::format("constant '{}' is {} but typed {}", value.name, modelctl::describe(value.constant.type(), dims),
                        describe(value.type)),
            {});
    }
  }

  Faults faults_;                               // all of them: one broken edit usually shows in several checks
  std::unordered_set<const Value*> available_;  // defined before the node that is being checked
};

}  // namespace

Result<void> verify(const Graph& graph) { return Verifier().run(graph); }

}  // namespace modelctl::graph
