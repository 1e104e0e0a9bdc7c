// Identity: the input, unchanged, of any type including sequences. passes/erase_identities.cpp removes it.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Contents pass too: an exporter may put an Identity between a Shape and what computes with it.
Result<void> infer(Inference& call) {
  TRY(infer_same(call));
  if (const graph::Shape* shape = call.shape(0)) pass_contents(call, *shape);
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) { return output_copy(call, outputs, call.input(0).dims); }

constexpr OpDef defs[] = {
    {
        .name = "Identity",
        .since = 25,
        .summary = "The input, unchanged.",
        .inputs = "input",
        .outputs = "output",
        .types = "any, sequence optional map",
        .traits = {.elementwise = Elementwise::unary,
                   .data_movement = DataMovement::reshape,
                   .identity = IdentityWhen::always},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"a text", {strings({1}, {"same"})}, {}, {strings({1}, {"same"})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Identity", evaluate}};

}  // namespace

std::span<const OpDef> identity_ops() { return defs; }
std::span<const OpRun> identity_runs() { return runs; }

}  // namespace modelctl::ops
