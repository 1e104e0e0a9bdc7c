// y = MatMul(a, b)  ->  y: f32[batch,64] = MatMul(a, b)
// Every operator computes the types, shapes and small integer contents of its outputs from those of its inputs. All
// later passes need them; it runs again after passes that made nodes or constants (PassDef::infer_after).
#include "ops/schema/infer_graph.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

Result<std::size_t> run(graph::Graph& graph, const PassContext& context) {
  return ops::infer_graph(graph, context.stop);
}

constexpr PassDef defs[] = {{
    .name = "infer",
    .summary = "Infers the types and shapes of all values.",
    .phase = Phase::infer,
    .order = 10,
    .level = 0,
    .run = run,
}};

}  // namespace

std::span<const PassDef> infer_pass() { return defs; }

}  // namespace modelctl::passes
