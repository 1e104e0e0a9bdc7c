// Inference of a whole graph that Ctrl-C can end, and the sizes that its operators require to be equal: for the passes.
// operator.hpp has the form that runs to its end.
#pragma once

#include "ops/schema/operator.hpp"

#include <utility>
#include <vector>

namespace modelctl {
class StopToken;
}

namespace modelctl::ops {

// As infer(graph). Once `stop`, which may be null, is set, it fails with `interrupted` between two nodes.
Result<std::size_t> infer_graph(graph::Graph& graph, const StopToken* stop);

// What same_size() of infer.hpp reports to an inference that wants to know: two sizes without which the node fails. An
// interface of its own, since operators have no use for it.
class SizeObserver {
 public:
  virtual ~SizeObserver() = default;
  virtual void must_be_equal(const graph::Expr& a, const graph::Expr& b) const = 0;
};

// The pairs of sizes that the nodes of a graph require to be equal, as the values' types have them now. Nodes of nested
// graphs are left out: they may never run.
std::vector<std::pair<graph::Expr, graph::Expr>> equal_sizes(graph::Graph& graph);

}  // namespace modelctl::ops
