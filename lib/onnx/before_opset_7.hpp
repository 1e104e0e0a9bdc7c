// What opsets 1 to 6 wrote otherwise than opset 7, with which the operators' own upgrades begin.
#pragma once

#include "graph/graph.hpp"

namespace modelctl::onnx {

// Whether bringing the node to opset 7 asks for the rank of its first input.
bool needs_rank(const graph::Node& node);

// Rewrites a node of the default domain, of an opset before 7, to the form of opset 7.
Result<void> to_opset_7(graph::Node& node, int opset);

}  // namespace modelctl::onnx
