// From a graph's text to what its runs give: every optimization level, the artifact, one session for several calls.
#pragma once

#include "graph/text.hpp"
#include "lower/lower.hpp"
#include "ops/run_table.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/model.hpp"
#include "support/scratch.hpp"
#include "tensor/collection.hpp"

#include <doctest/doctest.h>

namespace modelctl::test {

inline kernels::Alone alone;

inline std::string message_of(const Error& error) {
  std::string text = error.what;
  for (const Error& each : error.faults) text += "\n" + each.what;
  return text;
}

inline std::unique_ptr<graph::Graph> compiled(const std::string& text, int level) {
  auto parsed = graph::parse_text(text);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().where + parsed.error().what));
  passes::PipelineOptions options;
  options.level = level;
  auto done = passes::run_pipeline(**parsed, options);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : message_of(done.error())));
  return std::move(*parsed);
}

inline std::string type_of_output(const std::string& text, std::size_t index = 0) {
  auto graph = compiled(text, 0);
  return graph::type_text(graph->outputs()[index]->type);
}

inline std::shared_ptr<const runtime::Model> model_of(const std::string& text, int level) {
  Scratch scratch;
  auto lowered = lower::lower(*compiled(text, level));
  REQUIRE_MESSAGE(lowered.has_value(), (lowered ? "" : message_of(lowered.error())));
  REQUIRE(lowered->weights.write(lowered->plan, scratch / "m"));
  auto artifact = artifact::open(scratch / "m");
  REQUIRE_MESSAGE(artifact.has_value(), (artifact ? "" : message_of(artifact.error())));
  auto model = runtime::Model::load(std::move(*artifact), ops::run_table(), kernels::Cpu::detect());
  REQUIRE_MESSAGE(model.has_value(), (model ? "" : message_of(model.error())));
  return *model;
}

inline Result<std::vector<Tensor>> run(runtime::Session& session, const std::vector<Tensor>& inputs) {
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  return session.run(views);
}

// Each call in turn, in one session, at every level.
struct Call {
  std::vector<Tensor> inputs, outputs;
};
inline void check(const std::string& text, const std::vector<Call>& calls) {
  for (int level : {0, 1, 2}) {
    INFO("level " << level);
    runtime::Session session(model_of(text, level), alone);
    for (const Call& call : calls) {
      auto outputs = run(session, call.inputs);
      REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : message_of(outputs.error())));
      REQUIRE(outputs->size() == call.outputs.size());
      for (std::size_t i = 0; i < outputs->size(); ++i) {
        INFO(describe_value((*outputs)[i].view()) << " for " << describe_value(call.outputs[i].view()));
        CHECK(same((*outputs)[i], call.outputs[i]));
      }
    }
  }
}

}  // namespace modelctl::test
