// The optimization levels, told in order.
#include "passes/pipeline.hpp"

#include "base/check.hpp"
#include "base/host.hpp"
#include "base/stopwatch.hpp"
#include "passes/pass.hpp"

#include <fmt/format.h>

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
    TRY(pass("bind-symbols"));
    TRY(pass("seed-draws"));
    TRY(pass("infer"));
    if (TRY(pass("expand-gradients")) > 0) TRY(pass("infer"));
    if (options_.level == 0) return {};
    if (options_.level >= 2) {  // before folding makes floats of bytes
      TRY(pass("quantized-moves"));
      if (TRY(pass("quantized-products")) > 0) TRY(pass("infer"));
    }
    // Folding tells inference more, and the other way round; a model needs two or three rounds, never many.
    for (int round = 0; round < 8; ++round) {
      std::size_t changes = TRY(pass("shape-values"));
      changes += TRY(pass("fold-constants"));
      changes += TRY(pass("inline-if"));
      if (changes == 0) break;
      TRY(pass("infer"));
    }
    return {};
  }

  Result<void> compile() {
    if (options_.level >= 1) {
      TRY(pass("erase-identities"));
      TRY(pass("common-subexpressions"));
    }
    if (TRY(pass("decompose")) > 0) TRY(pass("infer"));
    if (options_.level >= 1 && TRY(pass("expand-einsum")) > 0) TRY(pass("infer"));
    if (options_.level < 2) return {};
    // Kernels compute in f32.
    TRY(pass("compute-in-f32"));
    // What exporters write out is named again.
    TRY(pass("name-activations"));
    TRY(pass("fuse-layer-norm"));
    // The layout that kernels want, and the Transposes that this costs out of the way.
    TRY(pass("fold-batch-norm"));
    TRY(pass("dense-products"));
    TRY(pass("channels-last"));
    TRY(pass("move-transposes"));
    TRY(pass("erase-identities"));
    TRY(pass("common-subexpressions"));
    // What follows a product is taken into it, in the order in which the kernel applies it.
    TRY(pass("fuse-bias"));
    TRY(pass("fuse-residual"));
    TRY(pass("fuse-activation"));
    TRY(pass("infer"));
    return {};
  }

  Result<std::size_t> pass(std::string_view name) {
    const PassDef* def = find(name);
    MODELCTL_CHECK(def != nullptr, "the pipeline names passes that there are");
    Stopwatch watch;
    std::size_t changes = TRY(def->run(graph_, context_));
    if (options_.stop != nullptr && options_.stop->stopped()) {
      return Error(Kind::interrupted, "interrupted", "stopped compiling the model; nothing was written");
    }
#ifdef MODELCTL_VERIFY
    TRY_BECAUSE(verify(graph_), fmt::format("pass '{}' left it so", name));
#endif
    report_.passes.push_back({std::string(name), stage_, changes, watch.seconds()});
    if (options_.after) options_.after(name, graph_);
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

Result<PipelineReport> run_pipeline(graph::Graph& graph, const PipelineOptions& options) {
  return Pipeline(graph, options).run();
}

}  // namespace modelctl::passes
