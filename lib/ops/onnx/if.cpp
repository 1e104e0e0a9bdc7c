// If: runs one of two nested graphs. The branches take no inputs; they capture values of the graphs around them.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// An output has what both branches agree on: sizes that differ become open, as does a rank. Both branches are inferred,
// also if the condition is constant: passes/inline_if.cpp then replaces the node, and the other branch must be valid
// all the same. Branches whose element types differ have no common type, and fail.
Result<void> infer(Inference& call) {
  graph::Graph* branches[] = {TRY(call.body("then_branch")), TRY(call.body("else_branch"))};
  std::size_t count = call.node().outputs().size();
  for (graph::Graph* branch : branches) {
    if (!branch->inputs.empty()) return call.bad("its branches take no inputs");
    if (branch->outputs().size() != count) return call.bad("its branches give as many outputs as it has");
    TRY(call.infer_body(*branch));
  }
  for (std::size_t i = 0; i < count; ++i) {
    call.set_type(i, TRY(join(call, branches[0]->outputs()[i]->type, branches[1]->outputs()[i]->type)));
  }
  return {};
}

// Only the chosen branch runs, so that a fault that needs the other one, a division by zero for example, does not
// occur. ONNX wants a condition of rank 0; exporters also write a list of one. Results are moved, not copied, if the
// plan allows it (Outputs::give).
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& condition = call.input(0);
  if (condition.type != DType::boolean || condition.elements() != 1) return refuse("the condition must be one bool");
  runtime::Body* branch = call.body(condition.as<bool>()[0] ? "then_branch" : "else_branch");
  if (branch == nullptr) return refuse("it lacks a branch");
  std::vector<Tensor> results = TRY(branch->run({}));
  if (results.size() != call.outputs) return refuse("its branches give as many outputs as it has");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (outputs.wanted(i)) TRY(outputs.give(i, std::move(results[i])));
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"then_branch", AttributeType::graph, "the graph to run if the condition holds; it takes no inputs", true},
    {"else_branch", AttributeType::graph, "the graph to run if it does not", true}};

Example branching(std::string title, bool condition, Tensor output) {
  return {std::move(title),
          {boolean({}, {condition})},
          {},
          {std::move(output)},
          0,
          {{"then_branch", "graph \"then\" {\n  const a: f32[2] = [1.0, 2.0]\n  output a\n}"},
           {"else_branch", "graph \"else\" {\n  const b: f32[1] = [3.0]\n  c = Neg(b)\n  output c\n}"}}};
}

constexpr OpDef defs[] = {
    {
        .name = "If",
        .since = 25,
        .summary = "One of two nested graphs, selected by a condition.",
        .inputs = "cond",
        .outputs = "outputs*",
        .types = "bool",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{branching("it holds", true, f32({2}, {1, 2})),
                              branching("it does not", false, f32({1}, {-3}))};
            },
    },
};
constexpr OpRun runs[] = {{"", "If", evaluate}};

}  // namespace

std::span<const OpDef> if_ops() { return defs; }
std::span<const OpRun> if_runs() { return runs; }

}  // namespace modelctl::ops
