// Pre- and post-processing as part of the model: what modelctl.yaml says an input is made from and an output means
// becomes nodes of the graph before it is compiled. So every program that runs the artifact does the same.
#pragma once

#include "graph/graph.hpp"
#include "processing/settings.hpp"

#include <memory>

namespace modelctl::processing {

struct InputKind;
struct OutputKind;

// One entry under `inputs` or `outputs`: the name of the model's input or output, and what is said about it.
template <class Kind>
struct Part {
  std::string name;
  const Kind* kind = nullptr;
  Settings settings;
};

struct Processing {
  std::vector<Part<InputKind>> inputs;
  std::vector<Part<OutputKind>> outputs;
  bool empty() const { return inputs.empty() && outputs.empty(); }
};

// Everything that decides the nodes, as text: for the key of a cache. Files count by what was read from them.
std::string canonical_text(const Processing& processing);

// The graph, as it was read, with the nodes. Fails with bad_config: with every name that the model does not have (code
// no-such-port), and with every setting that does not fit the model (code bad-processing).
Result<std::unique_ptr<graph::Graph>> apply(const Processing& processing, std::unique_ptr<graph::Graph> graph);

}  // namespace modelctl::processing
