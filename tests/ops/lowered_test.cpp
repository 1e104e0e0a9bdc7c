// Every operator's example as a compiled artifact: lowered to a step, kernel or not, written, opened and run.
#include "calls.hpp"
#include "lower/lower.hpp"
#include "ops/run_table.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

namespace modelctl::test {
namespace {

using ops::Example;
using ops::OpDef;

// Operators without a run half are written as others first, as the pass of that name does.
Result<void> decomposed(graph::Graph& graph) {
  bool changed = true;
  while (changed) {
    changed = false;
    std::vector<graph::Node*> nodes;
    graph.for_each_node([&](graph::Node& node) { nodes.push_back(&node); });
    for (graph::Node* node : nodes) {
      const OpDef* def = ops::find(node->domain, node->op);
      if (def->decompose == nullptr) continue;
      TRY(def->decompose(*node));
      changed = true;
    }
  }
  return {};
}

// What the example's node alone answers when it is compiled for this CPU and run: each output, or the one that is
// wanted.
Result<std::vector<Tensor>> compiled(const OpDef& def, const Example& example, Known known, kernels::Cpu cpu,
                                     kernels::Workers& workers, std::map<std::string, std::size_t>& routines,
                                     std::optional<std::size_t> wanted = {}) {
  Scratch scratch;
  auto made = node_of(def, example, known, wanted);
  TRY(ops::infer(*made.node));
  std::vector<std::size_t> given;  // the node may go when it is decomposed
  for (std::size_t i = 0; i < example.inputs.size(); ++i) {
    const graph::Value* value = made.node->input(i);
    if (value != nullptr && value->is_input()) given.push_back(i);
  }
  TRY(decomposed(*made.graph));
  made.graph->erase_dead();
  auto lowered = TRY(lower::lower(*made.graph));
  for (const auto& [routine, steps] : lowered.routines) routines[routine] += steps;
  TRY(lowered.weights.write(lowered.plan, scratch / "model.mcm"));
  auto artifact = TRY(artifact::open(scratch / "model.mcm"));
  auto model = TRY(runtime::Model::load(std::move(artifact), ops::run_table(), cpu));
  runtime::Session session(model, workers);
  std::vector<TensorView> inputs;
  for (std::size_t i : given) inputs.push_back(example.inputs[i].view());
  return session.run(inputs);
}

TEST_CASE("every example gives its outputs when it is compiled, from constants, shapes and symbols") {
  runtime::ThreadPool workers(2);
  std::map<std::string, std::size_t> routines;
  for (const OpDef* def : ops::table()) {
    if (def->infer == nullptr) continue;
    for (const Example& example : def->examples()) {
      for (Known known : {Known::constants, Known::shapes, Known::symbols}) {
        for (kernels::Cpu cpu : {kernels::Cpu{}, kernels::Cpu::detect()}) {
          INFO(ops::qualified(def->domain, def->name) << ": " << example.title);
          auto outputs = compiled(*def, example, known, cpu, workers, routines);
          REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
          REQUIRE(outputs->size() == example.outputs.size());
          for (std::size_t i = 0; i < example.outputs.size(); ++i) {
            if (!example.outputs[i].present()) continue;
            // Kernels sum in f32 and approximate exponentials.
            CHECK(difference((*outputs)[i], example.outputs[i], std::max(example.tolerance, 2e-6)) == "");
          }
        }
      }
    }
  }
  CHECK(routines.size() > 100);
}

TEST_CASE("an output is the same if the node's other outputs are unused") {
  runtime::ThreadPool workers(2);
  std::map<std::string, std::size_t> routines;
  for (const OpDef* def : ops::table()) {
    if (def->infer == nullptr) continue;
    for (const Example& example : def->examples()) {
      for (std::size_t i = 0; example.outputs.size() > 1 && i < example.outputs.size(); ++i) {
        if (!example.outputs[i].present()) continue;
        INFO(ops::qualified(def->domain, def->name) << ": " << example.title << ", output " << i);
        auto outputs = compiled(*def, example, Known::shapes, kernels::Cpu::detect(), workers, routines, i);
        REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
        CHECK(difference(outputs->front(), example.outputs[i], std::max(example.tolerance, 2e-6)) == "");
      }
    }
  }
}

}  // namespace
}  // namespace modelctl::test
