// y = MatMul(a, b)  ->  y: f32[batch,64] = MatMul(a, b)
// Every operator tells the types, shapes and small integer contents of its outputs from those of its inputs. Needed by
// all that follows; run again whenever a pass made nodes or constants.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

Result<std::size_t> run(graph::Graph& graph, const PassContext&) { return ops::infer(graph); }

constexpr PassDef defs[] = {{"infer", "Tells the types and shapes of all values.", run}};

}  // namespace

std::span<const PassDef> infer_pass() { return defs; }

}  // namespace modelctl::passes
