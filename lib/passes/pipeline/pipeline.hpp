// From the graph as it was read to the graph that is lowered: the passes of an optimization level, in order. `build`
// reports the two stages by their names.
#pragma once

#include "graph/graph.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace modelctl {
class StopToken;
}

namespace modelctl::passes {

struct PipelineOptions {
  int level = 2;  // 0: what lowering needs and nothing else; 1: folding; 2: fusion and layouts; 3: all
  std::map<std::string, std::int64_t> bindings;  // --bind NAME=N
  // Called after each pass with its name and the graph: `build --print-after`.
  std::function<void(std::string_view pass, const graph::Graph& graph)> after = nullptr;
  const StopToken* stop = nullptr;  // outlives the pipeline; once it is set, the pipeline fails with `interrupted`
};

enum class Stage { preprocess, compile };

struct PassReport {
  std::string name;
  Stage stage;
  std::size_t changes = 0;
  double seconds = 0;
};

struct PipelineReport {
  std::vector<PassReport> passes;  // in the order they ran
};

// Fails if a binding names an unknown symbol, or if inference finds a contradiction: every such fault is reported.
Result<PipelineReport> run_pipeline(graph::Graph& graph, const PipelineOptions& options);

}  // namespace modelctl::passes
