// States: outputs that continue an input, in the caller's memory. Everything that could make two operands of a step
// overlap is refused here.
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
  return Error(Kind::usage, "bad-output-buffer",
               fmt::format("cannot write output '{}' to the caller's memory",
                           model.plan().signature.outputs[output].name))
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

Result<void> check_output_buffers(const Model::State& model, std::span<const TensorView> inputs,
                                  std::span<const OutputBuffer> output_buffers) {
  const artifact::Plan& plan = model.plan();
  if (output_buffers.size() > plan.outputs.size()) {
    return Error(Kind::usage, "bad-output-buffer",
                 fmt::format("cannot use {} output buffers: the model has {} outputs", output_buffers.size(),
                             plan.outputs.size()));
  }
  for (std::size_t k = 0; k < output_buffers.size(); ++k) {
    const OutputBuffer& buffer = output_buffers[k];
    if (buffer.data == nullptr) continue;
    const artifact::PlanValue& value = plan.values[static_cast<std::size_t>(plan.outputs[k])];
    if (value.storage != artifact::Storage::computed || bits(value.type) < 8 || value.type == DType::string ||
        !only_index(plan.outputs, plan.outputs[k])) {
      return refusal(model, k, "it is not a tensor that one step produces for this output alone");
    }
    if (reinterpret_cast<std::uintptr_t>(buffer.data) % static_cast<std::size_t>(bits(value.type) / 8) != 0) {
      return refusal(model, k, fmt::format("the memory is not aligned to {}", name(value.type)));
    }
    for (std::size_t other = 0; other < k; ++other) {
      if (output_buffers[other].data == buffer.data) return refusal(model, k, "another output has the same memory");
    }
    const StatePort* state = state_of(model, k);
    for (std::size_t j = 0; j < inputs.size(); ++j) {
      if (inputs[j].data != buffer.data || !holds_memory(inputs[j])) continue;
      if (state == nullptr || state->input != j) {
        return refusal(
            model, k,
            fmt::format("that memory holds input '{}', which it does not continue", plan.signature.inputs[j].name));
      }
    }
    if (buffer.capacity == 0) continue;
    if (state == nullptr) return refusal(model, k, "it does not continue an input, so a capacity has no meaning");
    if (state->read) return refusal(model, k, "other steps read it, which take it for a dense tensor");
    if (inputs[state->input].data != buffer.data) {
      return refusal(model, k,
                     fmt::format("with a capacity, input '{}' must lie in the same memory",
                                 plan.signature.inputs[state->input].name));
    }
  }
  return {};
}

Result<Tensor> output_in_buffer(const Model::State& model, std::size_t output, DimsView dims,
                                std::span<const TensorView> inputs, const OutputBuffer& buffer) {
  DType type = model.plan().values[static_cast<std::size_t>(model.plan().outputs[output])].type;
  Dims taken(dims.begin(), dims.end());
  const StatePort* state = state_of(model, output);
  const TensorView* before = state == nullptr ? nullptr : &inputs[state->input];
  if (before != nullptr && before->data == buffer.data) {
    bool grows = !std::equal(dims.begin(), dims.end(), before->dims.begin(), before->dims.end());
    std::int64_t& rows = taken[state->axis];
    std::optional<std::int64_t> before_axis = element_count(dims.first(state->axis));
    if (grows && !state->grows) return refusal(model, output, "it cannot grow in place");
    if (grows && buffer.capacity == 0 && before_axis != 1) {
      return refusal(model, output, "it is longer than the input that it continues, and no capacity is given");
    }
    if (buffer.capacity != 0 && (buffer.capacity < rows || (!grows && buffer.capacity != rows))) {
      return refusal(model, output, fmt::format("it has {} rows, and the capacity is {}", rows, buffer.capacity));
    }
    if (buffer.capacity != 0) rows = buffer.capacity;
  }
  auto bytes = byte_size(type, taken);
  if (!bytes || *bytes > buffer.bytes) {
    return refusal(model, output,
                   fmt::format("{} are {} bytes, and there are {}", describe(type, taken),
                               bytes.value_or(~std::uint64_t{0}), buffer.bytes));
  }
  // Owned by nobody here.
  return Tensor(type, Dims(dims.begin(), dims.end()), std::shared_ptr<const void>(), buffer.data);
}

}  // namespace modelctl::runtime
