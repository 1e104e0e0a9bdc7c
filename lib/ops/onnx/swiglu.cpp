// SwiGLU (Shazeer, 2020): Swish of a gate times a value. It is decomposed into just that; the passes fuse it again
// if it pays.
//
//   Y = Swish(A) B = A sigmoid(alpha A) B
//
// A and B do not broadcast: both have one shape.
//
// Smallest runner: regular, since the operator is of opset 28 and belongs to decoders.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  TRY(common_element(call));
  const graph::Shape *a = call.shape(0), *b = call.shape(1);
  if (a != nullptr && b != nullptr) {
    if (a->size() != b->size()) return call.bad("A and B must have the same shape");
    for (std::size_t axis = 0; axis < a->size(); ++axis) TRY(same_size(call, (*a)[axis], (*b)[axis]));
  }
  return infer_same(call);
}

Result<void> decompose(graph::Node& node) {
  Rewrite rewrite(node);
  graph::Value* gate = TRY(rewrite.add("Swish", {node.input(0)}, {{"alpha", node.attributes.number("alpha", 1)}}));
  rewrite.finish({TRY(rewrite.add("Mul", {gate, node.input(1)}))});
  return {};
}

constexpr AttributeDef attributes[] = {{"alpha", AttributeType::number, "of Swish; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .domain = "",
        .name = "SwiGLU",
        .since = 28,
        .summary = "Swish of a gate times a value.",
        .inputs = "A B",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              return Examples{{"a gate that is shut, and one that is open",
                               {f32({2}, {0, 1}), f32({2}, {5, 2})},
                               {{"alpha", 2.0f}},
                               {f32({2}, {0, 1.7615942f})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> swiglu_ops() { return defs; }
std::span<const OpRun> swiglu_runs() { return {}; }

}  // namespace modelctl::ops
