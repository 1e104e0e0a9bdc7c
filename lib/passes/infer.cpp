// y = MatMul(a, b)  ->  y: f32[batch,64] = MatMul(a, b)
// Every operator tells the types, shapes and small integer contents of its outputs from those of its inputs. Needed by
// all that follows; run again whenever a pass made nodes or constants.
#include "ops/schema/infer_graph.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

Result<std::size_t> run(graph::Graph& graph, const PassContext& context) {
  return ops::infer_graph(graph, context.stop);
}

constexpr PassDef defs[] = {{"infer", "Tells the types and shapes of all values.", run}};

}  // namespace

std::span<const PassDef> infer_pass() { return defs; }

}  // namespace modelctl::passes
