// From the optimized graph to the plan: one step per node, a kernel where the operator's lower finds one, the
// operator's own evaluate where not.
#pragma once

#include "artifact/artifact.hpp"
#include "graph/graph.hpp"
#include "ops/operator.hpp"

#include <map>
#include <string>

namespace modelctl::lower {

struct Lowered {
  artifact::Plan plan;
  artifact::Writer weights;
  // How many steps each routine got: "kernel:conv_nhwc" -> 37.
  std::map<std::string, std::size_t> routines;
};

// The graph must be verified, inferred and free of what decomposes. Fails with unsupported, listing every node that has
// no routine for its types. Large
// packed weights are put aside in the folder `spill`, if there is one, until they are written.
Result<Lowered> lower(const graph::Graph& graph, const std::filesystem::path& spill = {});

// A value of this type as the signature has it.
artifact::Port port(std::string name, const graph::Type& type);

// Whether the operator's loops take the element type of the node's first input, as far as that is known.
Result<void> check_types(const graph::Node& node, const ops::OpDef& def);

}  // namespace modelctl::lower
