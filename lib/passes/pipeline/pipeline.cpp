// The order of the phases. Which passes a phase has, and from which level on, is in their own definitions.
#include "passes/pipeline/pipeline.hpp"

#include "base/host.hpp"
#include "base/stopwatch.hpp"
#include "passes/pass.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::passes {
namespace {

class Pipeline {
 public:
  Pipeline(graph::Graph& graph, const PipelineOptions& options) : graph_(graph), options_(options) {
    context_.bindings = options.bindings;
    context_.stop = options.stop;
    for_each_graph(graph, [this](graph::Graph& each) {
      for (const graph::Value* value : each.values()) {
        if (!value->is_constant()) continue;
        // What unpacking 4-bit weights to f32, and laying them out once more, takes.
        context_.fold_bytes += 16 * byte_size(value->constant.type(), value->constant.dims()).value_or(0);
      }
    });
  }

  Result<PipelineReport> run() {
    TRY(preprocess());
    graph_.erase_dead();  // what nobody reads needs no step
    stage_ = Stage::compile;
    TRY(compile());
    graph_.erase_dead();  // at every level: a node that nobody reads is not a step
    return std::move(report_);
  }

 private:
  // What is known before the model runs: sizes that the user bound, types, shapes, and whatever follows from constants.
  Result<void> preprocess() {
    TRY(phase(Phase::bind));
    TRY(phase(Phase::infer));
    TRY(phase(Phase::equate));  // before sizes are part of constants and of shape programs
    TRY(phase(Phase::expand));
    TRY(phase(Phase::quantize));  // before folding turns quantized weights into floats
    // Folding gives inference more to know, and the other way round; a model needs two or three rounds, never many.
    for (int round = 0; round < 8; ++round) {
      if (TRY(phase(Phase::fold)) == 0) break;
      TRY(phase(Phase::infer));
    }
    return {};
  }

  // The graph that lowering takes. Level 0 stops once every operator that is left can run, level 1 once it is small.
  Result<void> compile() {
    TRY(phase(Phase::simplify));
    TRY(phase(Phase::decompose));
    if (options_.level < 2) return {};
    TRY(phase(Phase::recognize));
    TRY(phase(Phase::layout));
    TRY(phase(Phase::simplify));  // Transposes that the layout costs have met and cancel
    TRY(phase(Phase::fuse));
    TRY(phase(Phase::infer));
    return {};
  }

  // Runs the passes of a phase that belong to the level. Returns how much they changed.
  Result<std::size_t> phase(Phase phase) {
    std::size_t changes = 0;
    for (const PassDef* def : passes_of(phase)) {
      if (def->level > options_.level) continue;
      std::size_t more = TRY(pass(*def));
      changes += more;
      if (more > 0 && def->infer_after) TRY(this->phase(Phase::infer));
    }
    return changes;
  }

  Result<std::size_t> pass(const PassDef& def) {
    Stopwatch watch;
    std::size_t changes = TRY(def.run(graph_, context_));
    if (options_.stop != nullptr && options_.stop->stopped()) {
      return Error(Kind::interrupted, "interrupted", "stopped compiling the model; nothing was written");
    }
#ifdef MODELCTL_VERIFY
    TRY_BECAUSE(verify(graph_), fmt::format("pass '{}' left it so", def.name));
#endif
    report_.passes.push_back({std::string(def.name), stage_, changes, watch.seconds()});
    if (options_.after) options_.after(def.name, graph_);
    return changes;
  }

  graph::Graph& graph_;
  const PipelineOptions& options_;
  PassContext context_;
  PipelineReport report_;
  Stage stage_ = Stage::preprocess;
};

}  // namespace

const PassDef* find(std::string_view name) {
  for (const PassDef* def : table()) {
    if (def->name == name) return def;
  }
  return nullptr;
}

std::vector<const PassDef*> passes_of(Phase phase) {
  std::vector<const PassDef*> passes;
  for (const PassDef* def : table()) {
    if (def->phase == phase) passes.push_back(def);
  }
  std::sort(passes.begin(), passes.end(), [](const PassDef* a, const PassDef* b) { return a->order < b->order; });
  return passes;
}

Result<PipelineReport> run_pipeline(graph::Graph& graph, const PipelineOptions& options) {
  return Pipeline(graph, options).run();
}

}  // namespace modelctl::passes
