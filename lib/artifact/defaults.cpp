// Optional inputs of a plan. An initializer that is also a graph input of the ONNX model becomes a step that chooses
// between both, so that the plan's format needs no further field.
#include "artifact/plan.hpp"

namespace modelctl::artifact {

std::int32_t default_of(const Plan& plan, std::size_t input) {
  const std::int32_t value = plan.inputs[input];
  for (const Step& step : plan.steps) {
    if (step.routine != "op:modelctl:Default" || step.inputs.size() != 2 || step.inputs[0] != value) continue;
    const std::int32_t at = step.inputs[1];
    if (at < 0 || static_cast<std::size_t>(at) >= plan.values.size()) return absent;
    const PlanValue& found = plan.values[static_cast<std::size_t>(at)];
    bool fits = found.storage == Storage::constant && found.type == plan.signature.inputs[input].type;
    return fits ? at : absent;
  }
  return absent;
}

void mark_optional(Plan& plan) {
  if (plan.inputs.size() != plan.signature.inputs.size()) return;  // the checks of the plan refuse it
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    plan.signature.inputs[i].optional = default_of(plan, i) != absent;
  }
}

}  // namespace modelctl::artifact
