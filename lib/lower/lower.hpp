// From the optimized graph to the plan: one step per node, which runs a kernel if the operator's lower() selects one,
// and the operator's reference implementation otherwise.
#pragma once

#include "artifact/artifact.hpp"
#include "graph/graph.hpp"
#include "ops/schema/operator.hpp"

#include <map>
#include <string>

namespace modelctl::lower {

struct Lowered {
  artifact::Plan plan;
  artifact::Writer weights;
  // The number of steps per routine: "kernel:conv_nhwc" -> 37.
  std::map<std::string, std::size_t> routines;
};

// The graph must be verified, its types inferred, and operators that decompose must be decomposed. Fails with
// `unsupported` and lists every node without a routine for its types. Large packed weights are spilled to the folder
// `spill`, if given, until they are written.
Result<Lowered> lower(const graph::Graph& graph, const std::filesystem::path& spill = {});

// The signature's entry for a value of this type.
artifact::Port port(std::string name, const graph::Type& type);

// Fails if the operator's reference implementation does not support the element type of the node's first input.
Result<void> check_types(const graph::Node& node, const ops::OpDef& def);

}  // namespace modelctl::lower
