// Inference of a whole graph that Ctrl-C can end: for the pass, since large models take seconds. operator.hpp has the
// form that runs to its end.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl {
class StopToken;
}

namespace modelctl::ops {

// As infer(graph). Once `stop`, which may be null, is set, it fails with `interrupted` between two nodes.
Result<std::size_t> infer_graph(graph::Graph& graph, const StopToken* stop);

}  // namespace modelctl::ops
