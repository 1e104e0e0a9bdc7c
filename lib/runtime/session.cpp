// Runs a bound plan: finds or makes the binding of each segment, places its values, executes its steps in order, and
// hands out the outputs. Between two runs a session keeps its bindings and arenas, and nothing of the data.
#include "runtime/session_state.hpp"

#include "artifact/meaning.hpp"
#include "base/check.hpp"
#include "runtime/machine.hpp"
#include "runtime/states.hpp"
#include "tensor/collection.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>

namespace modelctl::runtime {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t width(DType type) { return static_cast<std::size_t>(std::max(bits(type), 8)) / 8; }

// Where a step failed. Users do not know the operators that `build` adds for files and columns, but the input that
// these read.
std::string place_of(const artifact::Plan& plan, const artifact::Step& step) {
  auto input = step.inputs.empty() ? plan.inputs.end() : std::ranges::find(plan.inputs, step.inputs[0]);
  auto at = static_cast<std::size_t>(input - plan.inputs.begin());
  if (at >= plan.signature.inputs.size()) return step.label;
  const std::string& name = plan.signature.inputs[at].name;
  bool added = artifact::meaning_of(plan.metadata, artifact::Side::input, name).content != artifact::Content::values;
  return added ? fmt::format("input '{}'", name) : step.label;
}

// Allocates the outputs of an operator: in the memory that the plan provides, else in memory of their own.
class PlannedOutputs final : public Outputs {
 public:
  PlannedOutputs(Session::State& session, const Binding& binding, const BoundStep& step, const artifact::Step& planned)
      : session_(session), binding_(binding), step_(step), planned_(planned), made_(step.outputs) {}

  bool wanted(std::size_t index) const override { return value_of(index) != artifact::absent; }

  Result<MutableTensorView> allocate(std::size_t index, DType type, DimsView dims) override;

  Result<void> claim(std::uint64_t bytes) override { return session_.claim(bytes); }
  Result<void> give(std::size_t index, Tensor value) override;

  // Every output that is read must be there.
  Result<void> finish() const {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      if (wanted(i) && !made_[i]) return disagreement(fmt::format("did not make output {}", i));
    }
    return {};
  }

 private:
  std::int32_t value_of(std::size_t index) const {
    return index < step_.outputs ? binding_.operands[step_.operands + step_.inputs + index] : artifact::absent;
  }
  // Whether one of its sizes depends on the inputs' sizes.
  bool names_sizes(const artifact::PlanValue& value) const {
    return std::any_of(value.dims.begin(), value.dims.end(),
                       [&](std::uint32_t at) { return session_.plan.shapes[at].op != artifact::ShapeOp::constant; });
  }
  Error disagreement(std::string did) const {
    return Error(Kind::bug, "plan-disagrees", fmt::format("'{}' {}", planned_.routine, did)).at(planned_.label);
  }
  // Fails if the plan has another type or size for this value.
  Result<void> check_planned(std::size_t at, DType type, DimsView dims) const;
  // Puts the value of one with memory of its own in its place.
  MutableTensorView keep(std::size_t at, Tensor value);
  Result<Tensor> fresh(DType type, DimsView dims);

  Session::State& session_;
  const Binding& binding_;
  const BoundStep& step_;
  const artifact::Step& planned_;
  std::vector<bool> made_;
  std::vector<Tensor> unread_;  // what an operator makes although nothing reads it
};

Result<Tensor> PlannedOutputs::fresh(DType type, DimsView dims) {
  auto bytes = byte_size(type, dims);
  if (!bytes) {
    return Error(Kind::bad_input, "bad-size",
                 fmt::format("cannot make {}: its size is impossible", describe(type, dims)))
        .at(planned_.label);
  }
  TRY(session_.claim(*bytes));
  return Tensor(type, Dims(dims.begin(), dims.end()));
}

Result<void> PlannedOutputs::check_planned(std::size_t at, DType type, DimsView dims) const {
  const artifact::PlanValue& value = session_.plan.values[at];
  const Dims& expected = binding_.dims[at];
  bool agrees = type == value.type;
  if (value.any_rank) agrees = agrees && dims.size() <= max_rank;
  else if (value.data_dependent) agrees = agrees && dims.size() == value.dims.size();
  else agrees = agrees && std::equal(dims.begin(), dims.end(), expected.begin(), expected.end());
  if (agrees) return {};
  if (type == value.type && !value.data_dependent && names_sizes(value)) {
    return Error(Kind::bad_input, "sizes-disagree",
                 fmt::format("cannot run the model on inputs of these sizes: '{}' would be {} and not {}", value.name,
                             describe(type, dims), describe(type, expected)))
        .at(planned_.label)
        .because("sizes with different names were taken as equal where they meet");
  }
  if (type == value.type && value.data_dependent && !value.any_rank) {
    return Error(Kind::bad_input, "sizes-disagree",
                 fmt::format("cannot run the model on these inputs: '{}' would be {}, which has not {} dimensions",
                             value.name, describe(type, dims), value.dims.size()))
        .at(planned_.label)
        .because("the model states a rank that nothing else confirms");
  }
  if (type == value.type && !value.data_dependent) {
    return Error(Kind::bad_input, "plan-disagrees",
                 fmt::format("cannot run the model: '{}' would be {} and not {}", value.name, describe(type, dims),
                             describe(type, expected)))
        .at(planned_.label)
        .because("the model states sizes that nothing could check before, or modelctl is wrong: then please report it");
  }
  std::string plan = value.data_dependent ? std::string(name(value.type)) : describe(value.type, expected);
  return disagreement(fmt::format("made {} for '{}', but the plan has {}", describe(type, dims), value.name, plan));
}

MutableTensorView PlannedOutputs::keep(std::size_t at, Tensor value) {
  Tensor& kept = session_.own[at];
  kept = std::move(value);
  MutableTensorView view = kept.mutable_view();
  session_.addresses[at] = view.data;
  if (session_.plan.values[at].data_dependent) session_.data_dependent_dims[at] = kept.dims();
  return view;
}

// What has memory of its own changes hands; the rest goes where the plan put it.
Result<void> PlannedOutputs::give(std::size_t index, Tensor value) {
  std::int32_t at = value_of(index);
  if (at == artifact::absent) return {};
  auto value_index = static_cast<std::size_t>(at);
  const ValueInfo& info = session_.model.values[value_index];
  if (!info.own || session_.placed(info.output)) return Outputs::give(index, std::move(value));
  made_[index] = true;
  TRY(check_planned(value_index, value.type(), value.dims()));
  if (!is_collection(value.type())) TRY(claim(held_bytes(value.view())));
  keep(value_index, std::move(value));
  return {};
}

Result<MutableTensorView> PlannedOutputs::allocate(std::size_t index, DType type, DimsView dims) {
  std::int32_t value = value_of(index);
  if (value == artifact::absent) {
    unread_.reserve(step_.outputs + 8);
    unread_.push_back(TRY(fresh(type, dims)));
    return unread_.back().mutable_view();
  }
  made_[index] = true;
  auto at = static_cast<std::size_t>(value);
  TRY(check_planned(at, type, dims));
  const ValueInfo& info = session_.model.values[at];
  if (!info.own) return MutableTensorView{type, binding_.dims[at], session_.addresses[at]};
  if (session_.placed(info.output)) {
    return keep(at, TRY(session_.output_memory(static_cast<std::size_t>(info.output), dims)));
  }
  return keep(at, TRY(fresh(type, dims)));
}

}  // namespace

Result<void> Session::State::claim(std::uint64_t bytes) {
  if (bytes > limits.memory_bytes - std::min(in_use, limits.memory_bytes)) {
    return memory_limit(bytes > ~in_use ? ~std::uint64_t{0} : in_use + bytes, limits.memory_bytes);
  }
  in_use += bytes;
  return {};
}

Result<Binding*> Session::State::find_binding(std::size_t index) {
  key.clear();
  // Ranks too: those of values of any rank define where the next one's sizes begin.
  auto add = [&](DimsView dims) {
    key.push_back(static_cast<std::int64_t>(dims.size()));
    key.insert(key.end(), dims.begin(), dims.end());
  };
  for (DimsView dims : given_dims) add(dims);
  for (std::int32_t at : model.data_dependent_values) add(data_dependent_dims[static_cast<std::size_t>(at)]);
  for (const OutputBuffer& buffer : output_buffers) {
    if (buffer.capacity != 0) key.insert(key.end(), {&buffer - output_buffers.data(), buffer.capacity});
  }
  ++tick;
  for (Cached& cached : cache) {
    if (cached.segment == index && cached.key == key) {
      cached.used = tick;
      return cached.binding.get();
    }
  }
  std::size_t capacity = std::max<std::size_t>(limits.cached_shapes, 1) * model.segments.size();
  if (cache.size() >= capacity) {
    auto oldest = std::min_element(cache.begin(), cache.end(), [](auto& a, auto& b) { return a.used < b.used; });
    std::replace(active.begin(), active.end(), static_cast<const Binding*>(oldest->binding.get()),
                 static_cast<const Binding*>(nullptr));
    cache.erase(oldest);
  }
  // The outermost plan's inputs were checked; those of a nested one are, once for each shape.
  if (index == 0 && owner == nullptr) TRY(check_inputs(plan.signature, given));
  auto binding = TRY(
      bind_segment(model, model.segments[index], given_dims, data_dependent_dims, output_buffers, limits.memory_bytes));
  ++bindings;
  cache.push_back({index, key, std::move(binding), tick});
  return cache.back().binding.get();
}

Result<void> Session::State::run(std::span<const TensorView> inputs) {
  given.assign(inputs.begin(), inputs.end());
  given_dims.clear();
  for (std::size_t i = 0; i < given.size(); ++i) {
    TensorView& view = given[i];
    if (is_plain(view.type) && reinterpret_cast<std::uintptr_t>(view.data) % width(view.type) != 0) {
      Tensor copy(view.type, Dims(view.dims.begin(), view.dims.end()));
      TRY(claim(copy.bytes().size()));
      std::memcpy(copy.mutable_view().data, view.data, copy.bytes().size());
      view.data = realigned.emplace_back(std::move(copy)).view().data;
    }
    given_dims.push_back(view.dims);
    addresses[static_cast<std::size_t>(plan.inputs[i])] = const_cast<void*>(view.data);
  }
  for (std::size_t i = 0; i < model.segments.size(); ++i) TRY(run_segment(i));
  return {};
}

Result<void> Session::State::run_segment(std::size_t index) {
  Binding& binding = *TRY(find_binding(index));
  active[index] = &binding;
  TRY(claim(binding.arena_bytes));
  TRY(claim(binding.output_bytes));
  std::byte* arena = blocks[index].hold(binding.arena_bytes);
  for (const Placement& placement : binding.placements) {
    auto at = static_cast<std::size_t>(placement.value);
    if (placement.output < 0) {
      addresses[at] = arena + placement.offset;
      continue;
    }
    // An output's memory belongs to the output, whoever else may use it first.
    Tensor& tensor = own[static_cast<std::size_t>(plan.outputs[static_cast<std::size_t>(placement.output)])];
    if (!tensor.present()) {
      auto value = static_cast<std::size_t>(plan.outputs[static_cast<std::size_t>(placement.output)]);
      tensor = TRY(output_memory(static_cast<std::size_t>(placement.output), binding.dims[value]));
    }
    addresses[at] = tensor.mutable_view().data;
  }
  const Segment& segment = model.segments[index];
  for (std::uint32_t at = segment.first; at < segment.end; ++at) {
    if (budget->over()) return budget->why();
    const BoundStep& step = binding.steps[at - segment.first];
    Clock::time_point start = profiling ? Clock::now() : Clock::time_point();
    if (step.kernel != nullptr) {
      run_kernel(binding, step, arena);
    } else {
      TRY(run_operator(binding, step, at));
    }
    if (budget->was_cut_short()) return budget->why();
    if (profiling) seconds[at] += std::chrono::duration<double>(Clock::now() - start).count();
    for (std::int32_t value : model.dying[at]) own[static_cast<std::size_t>(value)] = Tensor();
  }
  return {};
}

void Session::State::run_kernel(const Binding& binding, const BoundStep& step, std::byte* arena) {
  const std::int32_t* operands = binding.operands.data() + step.operands;
  auto address = [&](std::int32_t at) {
    return at == artifact::absent ? nullptr : addresses[static_cast<std::size_t>(at)];
  };
  for (std::uint32_t i = 0; i < step.inputs; ++i) input_pointers[i] = address(operands[i]);
  for (std::uint32_t i = 0; i < step.outputs; ++i) output_pointers[i] = address(operands[step.inputs + i]);
  step.kernel->run({std::span(input_pointers).first(step.inputs), std::span(output_pointers).first(step.outputs),
                    arena + step.scratch, tile_workers});
}

Result<void> Session::State::run_operator(Binding& binding, const BoundStep& step, std::uint32_t index) {
  const artifact::Step& planned = plan.steps[index];
  auto views = std::span(binding.views).subspan(step.operands, step.inputs);
  for (std::size_t i = 0; i < views.size(); ++i) {
    std::int32_t at = binding.operands[step.operands + i];
    if (at != artifact::absent) views[i].data = addresses[static_cast<std::size_t>(at)];
  }
  bodies.clear();
  if (!planned.bodies.empty()) {
    for (const auto& body : nested[index]) {
      body->capture(views);
      bodies.push_back(body.get());
    }
  }
  PlannedOutputs outputs(*this, binding, step, planned);
  auto own_inputs = views.first(views.size() - planned.captured);
  auto done = model.routines[index].op->evaluate(
      {planned.attributes, own_inputs, step.outputs, bodies, budget->limited() ? budget : nullptr}, outputs);
  if (budget->was_cut_short()) return budget->why();
  if (!done) {
    Error error = std::move(done).error();
    if (error.where.empty()) error.where = place_of(model.plan(), planned);
    return error;
  }
  return outputs.finish();
}

Result<Tensor> Session::State::output_memory(std::size_t output, DimsView dims) const {
  if (placed(static_cast<std::int32_t>(output)))
    return output_in_buffer(model, output, dims, given, output_buffers[output]);
  return Tensor(plan.values[static_cast<std::size_t>(plan.outputs[output])].type, Dims(dims.begin(), dims.end()));
}

Tensor Session::State::output(std::size_t index) const {
  auto at = static_cast<std::size_t>(plan.outputs[index]);
  const artifact::PlanValue& value = plan.values[at];
  if (value.storage == artifact::Storage::constant) return model.values[at].constant;
  if (value.storage == artifact::Storage::computed) return own[at];
  // An input that is an output too: the caller's memory is not ours to give away.
  auto input = static_cast<std::size_t>(std::find(plan.inputs.begin(), plan.inputs.end(), plan.outputs[index]) -
                                        plan.inputs.begin());
  return copy_of(given[input]);
}

Error Session::State::run_out_of_memory() {
  for (const auto& of_step : nested) {
    for (const auto& body : of_step) body->abandon();
  }
  release_values();
  return Error(Kind::unavailable, "out-of-memory", "cannot run the model: the machine has not enough memory");
}

void Session::State::release_values() {
  std::fill(own.begin(), own.end(), Tensor());
  for (Dims& dims : data_dependent_dims) dims.clear();
  given.clear();
  output_buffers.clear();
  realigned.clear();
  in_use = 0;
}

Session::Session(std::shared_ptr<const Model> model, kernels::Workers& workers)
    : Session(std::move(model), workers, Limits()) {}
Session::Session(std::shared_ptr<const Model> model, kernels::Workers& workers, Limits limits)
    : state_(std::make_unique<State>(model->state(), workers, limits)) {
  state_->owner = std::move(model);
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

Result<std::vector<Tensor>> Session::run(std::span<const TensorView> inputs) { return run(inputs, {}); }

Result<std::vector<Tensor>> Session::run(std::span<const TensorView> given,
                                         std::span<const OutputBuffer> output_buffers) {
  std::vector<TensorView> inputs(given.begin(), given.end());
  for (std::size_t i = 0; i < std::min(inputs.size(), state_->model.defaults.size()); ++i) {
    const Tensor& standard = state_->model.defaults[i];
    if (!inputs[i].present() && standard.present()) inputs[i] = standard.view();
  }
  TRY(check_inputs(state_->plan.signature, inputs));
  TRY(check_output_buffers(state_->model, inputs, output_buffers));
  try {
    state_->budget->begin(state_->run_limits);
    state_->output_buffers.assign(output_buffers.begin(), output_buffers.end());
    auto done = state_->run(inputs);
    std::vector<Tensor> outputs;
    for (std::size_t i = 0; done && i < state_->plan.outputs.size(); ++i) {
      bool stretched = i < output_buffers.size() && output_buffers[i].capacity != 0;
      outputs.push_back(stretched ? Tensor() : state_->output(i));
    }
    state_->release_values();
    if (!done) return std::move(done).error();
    // Last, because the artifact may have changed until now: nothing that altered bytes computed leaves this function.
    TRY(state_->owner->check_integrity());
    return outputs;
  } catch (const std::bad_alloc&) {
    return state_->run_out_of_memory();
  } catch (const std::length_error&) {  // more than any memory, for the standard library
    return state_->run_out_of_memory();
  }
}

void Session::limit_runs(RunLimits limits) { state_->run_limits = limits; }

std::uint64_t Session::default_memory() {
  // The rest is for the weights' pages, what an operator keeps to itself, and everybody else.
  return std::min(usable_memory() / 4 * 3, std::uint64_t{1} << 36);
}

std::uint64_t Session::arena_bytes() const {
  std::uint64_t bytes = 0;
  for (const Binding* binding : state_->active) bytes += binding == nullptr ? 0 : binding->arena_bytes;
  return bytes;
}

std::uint64_t Session::bindings_made() const { return state_->bindings; }

void Session::profile(bool on) {
  state_->profiling = on;
  state_->seconds.assign(on ? state_->plan.steps.size() : 0, 0.0);
}

std::span<const double> Session::step_seconds() const { return state_->seconds; }

}  // namespace modelctl::runtime
