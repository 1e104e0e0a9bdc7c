// modelctl::Default: an input that the caller may leave out, and the constant that stands for it then. The runtime puts
// the constant in the place of an absent input before the run, so that this operator only passes its input on; it is in
// the plan to show which constant belongs to which input (artifact::default_of).
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// The second input, the constant, is never read here: an absent first one means that the runtime did not replace it.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  if (!call.input(0).present()) return refuse("the input is absent");
  return output_copy(call, outputs, call.input(0).dims);
}

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "Default",
        .since = 1,
        .summary = "An input of the model that has a default: a constant of its type and shape.",
        .inputs = "X default:X",
        .outputs = "Y",
        .types = any_type,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"what is given", {f32({2}, {1, 2}), f32({2}, {0, 0})}, {}, {f32({2}, {1, 2})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "Default", evaluate}};

}  // namespace

std::span<const OpDef> default_ops() { return defs; }
std::span<const OpRun> default_runs() { return runs; }

}  // namespace modelctl::ops
