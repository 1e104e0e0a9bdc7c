#include "runtime/states.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::runtime {
namespace {

// How often steps read each value.
std::vector<std::size_t> count_readers(const artifact::Plan& plan) {
  std::vector<std::size_t> readers(plan.values.size());
  for (const artifact::Step& step : plan.steps) {
    for (std::int32_t at : step.inputs) {
      if (at != artifact::absent) ++readers[static_cast<std::size_t>(at)];
    }
  }
  return readers;
}

// The index of a value among the plan's inputs or outputs, if it is there once.
std::optional<std::size_t> only_index(const std::vector<std::int32_t>& ports, std::int32_t value) {
  if (std::count(ports.begin(), ports.end(), value) != 1) return std::nullopt;
  return static_cast<std::size_t>(std::find(ports.begin(), ports.end(), value) - ports.begin());
}

Error refusal(const Model::State& model, std::size_t output, std::string why) {
  return Error(
             Kind::usage, "bad-place",
             fmt::format("cannot write output '{}' where the caller says", model.plan().signature.outputs[output].name))
      .because(std::move(why));
}

const StatePort* state_of(const Model::State& model, std::size_t output) {
  for (const StatePort& state : model.states) {
    if (state.output == output) return &state;
  }
  return nullptr;
}

bool holds_memory(const TensorView& view) { return view.data != nullptr && view.elements() > 0; }

}  // namespace

std::vector<StatePort> find_states(const artifact::Plan& plan, std::span<const Routine> routines) {
  std::vector<std::size_t> readers = count_readers(plan);
  std::vector<StatePort> states;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const artifact::Step& step = plan.steps[i];
    for (const kernels::Continuation& pair : routines[i].continues()) {
      if (pair.output >= step.outputs.size() || pair.input >= step.inputs.size()) continue;
      std::int32_t from = step.inputs[pair.input], to = step.outputs[pair.output];
      if (from == artifact::absent || to == artifact::absent || (pair.output == 0 && step.in_place >= 0)) continue;
      const artifact::PlanValue &before = plan.values[static_cast<std::size_t>(from)],
                                &after = plan.values[static_cast<std::size_t>(to)];
      std::int64_t axis = pair.axis >= 0 ? pair.axis : step.attributes.integer("axis", pair.axis);
      if (axis < 0) axis += static_cast<std::int64_t>(after.dims.size());
      auto input = only_index(plan.inputs, from), output = only_index(plan.outputs, to);
      bool alone = readers[static_cast<std::size_t>(from)] == 1 &&
                   std::count(plan.outputs.begin(), plan.outputs.end(), from) == 0;
      bool fits = before.type == after.type && before.dims.size() == after.dims.size() && axis >= 0 &&
                  axis < static_cast<std::int64_t>(after.dims.size());
      if (!input || !output || !alone || !fits) continue;
      states.push_back({*input, *output, static_cast<std::size_t>(axis), readers[static_cast<std::size_t>(to)] > 0,
                        routines[i].kernel != nullptr});
    }
  }
  return states;
}

Result<void> check_places(const Model::State& model, std::span<const TensorView> inputs,
                          std::span<const Place> places) {
  const artifact::Plan& plan = model.plan();
  if (places.size() > plan.outputs.size()) {
    return Error(Kind::usage, "bad-place",
                 fmt::format("cannot place {} outputs: the model has {}", places.size(), plan.outputs.size()));
  }
  for (std::size_t k = 0; k < places.size(); ++k) {
    const Place& place = places[k];
    if (place.data == nullptr) continue;
    const artifact::PlanValue& value = plan.values[static_cast<std::size_t>(plan.outputs[k])];
    if (value.storage != artifact::Storage::computed || bits(value.type) < 8 || value.type == DType::string ||
        !only_index(plan.outputs, plan.outputs[k])) {
      return refusal(model, k, "it is no tensor that one step makes for this output alone");
    }
    if (reinterpret_cast<std::uintptr_t>(place.data) % static_cast<std::size_t>(bits(value.type) / 8) != 0) {
      return refusal(model, k, fmt::format("the memory is not aligned to {}", name(value.type)));
    }
    for (std::size_t other = 0; other < k; ++other) {
      if (places[other].data == place.data) return refusal(model, k, "another output is to lie in the same memory");
    }
    const StatePort* state = state_of(model, k);
    for (std::size_t j = 0; j < inputs.size(); ++j) {
      if (inputs[j].data != place.data || !holds_memory(inputs[j])) continue;
      if (state == nullptr || state->input != j) {
        return refusal(model, k,
                       fmt::format("there lies input '{}', which it does not continue", plan.signature.inputs[j].name));
      }
    }
    if (place.room == 0) continue;
    if (state == nullptr) return refusal(model, k, "it continues no input, so room says nothing");
    if (state->read) return refusal(model, k, "other steps read it, which take it for a dense tensor");
    if (inputs[state->input].data != place.data) {
      return refusal(
          model, k,
          fmt::format("with room, input '{}' must lie in the same memory", plan.signature.inputs[state->input].name));
    }
  }
  return {};
}

Result<Tensor> output_in_place(const Model::State& model, std::size_t output, DimsView dims,
                               std::span<const TensorView> inputs, const Place& place) {
  DType type = model.plan().values[static_cast<std::size_t>(model.plan().outputs[output])].type;
  Dims taken(dims.begin(), dims.end());
  const StatePort* state = state_of(model, output);
  const TensorView* before = state == nullptr ? nullptr : &inputs[state->input];
  if (before != nullptr && before->data == place.data) {
    bool grows = !std::equal(dims.begin(), dims.end(), before->dims.begin(), before->dims.end());
    std::int64_t& rows = taken[state->axis];
    std::optional<std::int64_t> before_axis = element_count(dims.first(state->axis));
    if (grows && !state->grows) return refusal(model, output, "it cannot become longer where it lies");
    if (grows && place.room == 0 && before_axis != 1) {
      return refusal(model, output, "it is longer than what it continues, and no room is told");
    }
    if (place.room != 0 && (place.room < rows || (!grows && place.room != rows))) {
      return refusal(model, output, fmt::format("it has {} rows, and there is room for {}", rows, place.room));
    }
    if (place.room != 0) rows = place.room;
  }
  auto bytes = byte_size(type, taken);
  if (!bytes || *bytes > place.bytes) {
    return refusal(model, output,
                   fmt::format("{} are {} bytes, and there are {}", describe(type, taken),
                               bytes.value_or(~std::uint64_t{0}), place.bytes));
  }
  // Owned by nobody here.
  return Tensor(type, Dims(dims.begin(), dims.end()), std::shared_ptr<const void>(), place.data);
}

}  // namespace modelctl::runtime
