// Upgrades from opsets 1 to 6 to opset 7, where the operators' own upgrades (OpDef::upgrade) start.
#pragma once

#include "graph/graph.hpp"

namespace modelctl::onnx {

// True if the rewrite of this node depends on the rank of its first input.
bool needs_rank(const graph::Node& node);

// Rewrites a node of the default domain from `opset` (1 to 6) to the form of opset 7.
Result<void> to_opset_7(graph::Node& node, int opset);

}  // namespace modelctl::onnx
