#include "runtime/binding.hpp"

#include "base/check.hpp"
#include "tensor/collection.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <new>

namespace modelctl::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// The arena of one segment; grows, and keeps no content when it does.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Block& operator=(Block&&) = delete;
  ~Block() { release(); }

  std::byte* hold(std::uint64_t bytes) {
    if (bytes > size_) {
      release();
      memory_ = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64}));
      size_ = bytes;
    }
    return memory_;
  }

 private:
  void release() {
    if (memory_ != nullptr) ::operator delete (memory_, std::align_val_t{64});
    memory_ = nullptr;
    size_ = 0;
  }
  std::byte* memory_ = nullptr;
  std::uint64_t size_ = 0;
};

struct Cached {
  std::size_t segment;
  Dims key;
  std::unique_ptr<Binding> binding;
  std::uint64_t used;
};

std::size_t width(DType type) { return static_cast<std::size_t>(std::max(bits(type), 8)) / 8; }

}  // namespace

struct Session::State {
  State(std::shared_ptr<const Model> shared, kernels::Workers& workers, Limits limits)
      : owner(std::move(shared)),
        model(owner->state()),
        plan(model.plan()),
        workers(workers),
        limits(limits),
        blocks(model.segments.size()),
        active(model.segments.size()),
        addresses(plan.values.size()),
        own(plan.values.size()),
        late(plan.values.size()),
        input_pointers(model.operands),
        output_pointers(model.operands) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (model.values[i].constant.present()) addresses[i] = const_cast<void*>(model.values[i].constant.view().data);
    }
  }

  Result<void> run(std::span<const TensorView> inputs);
  Result<void> run_segment(std::size_t index);
  Result<Binding*> find_binding(std::size_t index);
  void run_kernel(const Binding& binding, const BoundStep& step, std::byte* arena);
  Result<void> run_operator(Binding& binding, const BoundStep& step, const artifact::Step& planned, const OpRun& op);
  Result<void> claim(std::uint64_t bytes);
  Tensor output(std::size_t index) const;
  void forget();

  std::shared_ptr<const Model> owner;
  const Model::State& model;
  const artifact::Plan& plan;
  kernels::Workers& workers;
  Limits limits;

  std::vector<Block> blocks;           // by segment
  std::vector<Cached> cache;           // what was bound lately
  std::uint64_t tick = 0;              // of the cache
  std::uint64_t bindings = 0;          // made so far
  std::vector<const Binding*> active;  // by segment: of the run before
  std::vector<TensorView> given;       // the run's inputs
  std::vector<DimsView> given_dims;    // theirs
  std::vector<Tensor> realigned;       // copies of inputs whose memory is not aligned to their type
  Dims key;
  std::vector<void*> addresses;  // by value
  std::vector<Tensor> own;       // by value: memory beside the arena, and outputs
  std::vector<Dims> late;        // by value: what the late ones turned out to be
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  std::uint64_t in_use = 0;  // bytes that the run has taken so far
  bool profiling = false;
  std::vector<double> seconds;
};

namespace {

// Hands an operator the memory that the plan foresaw, or memory of its own for what the plan could not foresee.
class PlannedOutputs final : public Outputs {
 public:
  PlannedOutputs(Session::State& session, const Binding& binding, const BoundStep& step, const artifact::Step& planned)
      : session_(session), binding_(binding), step_(step), planned_(planned), made_(step.outputs) {}

  bool wanted(std::size_t index) const override { return value_of(index) != artifact::absent; }

  Result<MutableTensorView> allocate(std::size_t index, DType type, DimsView dims) override;

  // Every output that somebody reads must be there.
  Result<void> claim(std::uint64_t bytes) override { return session_.claim(bytes); }
  Result<void> give(std::size_t index, Tensor value) override;

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
  // Whether a size of it hangs on the inputs', rather than being fixed.
  bool names_sizes(const artifact::PlanValue& value) const {
    return std::any_of(value.dims.begin(), value.dims.end(),
                       [&](std::uint32_t at) { return session_.plan.shapes[at].op != artifact::ShapeOp::constant; });
  }
  Error disagreement(std::string did) const {
    return Error(Kind::bug, "plan-disagrees", fmt::format("'{}' {}", planned_.routine, did)).at(planned_.label);
  }
  // Fails where the plan foresaw another type or size for this value.
  Result<void> agree(std::size_t at, DType type, DimsView dims) const;
  // Puts the value of one with memory of its own in its place.
  MutableTensorView keep(std::size_t at, Tensor value);
  Result<Tensor> fresh(DType type, DimsView dims);

  Session::State& session_;
  const Binding& binding_;
  const BoundStep& step_;
  const artifact::Step& planned_;
  std::vector<bool> made_;
  std::vector<Tensor> unread_;  // what an operator makes although nobody wants it
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

Result<void> PlannedOutputs::agree(std::size_t at, DType type, DimsView dims) const {
  const artifact::PlanValue& foreseen = session_.plan.values[at];
  const Dims& expected = binding_.dims[at];
  bool agrees = type == foreseen.type;
  if (foreseen.any_rank) agrees = agrees && dims.size() <= max_rank;
  else if (foreseen.late) agrees = agrees && dims.size() == foreseen.dims.size();
  else agrees = agrees && std::equal(dims.begin(), dims.end(), expected.begin(), expected.end());
  if (agrees) return {};
  if (type == foreseen.type && !foreseen.late && names_sizes(foreseen)) {
    return Error(Kind::bad_input, "sizes-disagree",
                 fmt::format("cannot run the model on inputs of these sizes: '{}' would be {} and not {}",
                             foreseen.name, describe(type, dims), describe(type, expected)))
        .at(planned_.label)
        .because("sizes with different names were taken as equal where they meet");
  }
  std::string plan = foreseen.any_rank ? std::string(name(foreseen.type))
                     : foreseen.late   ? fmt::format("{} of rank {}", name(foreseen.type), foreseen.dims.size())
                                       : describe(foreseen.type, expected);
  return disagreement(
      fmt::format("made {} for '{}', where the plan foresaw {}", describe(type, dims), foreseen.name, plan));
}

MutableTensorView PlannedOutputs::keep(std::size_t at, Tensor value) {
  Tensor& kept = session_.own[at];
  kept = std::move(value);
  MutableTensorView view = kept.mutable_view();
  session_.addresses[at] = view.data;
  if (session_.plan.values[at].late) session_.late[at] = kept.dims();
  return view;
}

// What has memory of its own changes hands; the rest goes where the plan put it.
Result<void> PlannedOutputs::give(std::size_t index, Tensor value) {
  std::int32_t at = value_of(index);
  if (at == artifact::absent) return {};
  auto place = static_cast<std::size_t>(at);
  if (!session_.model.values[place].own) return Outputs::give(index, std::move(value));
  made_[index] = true;
  TRY(agree(place, value.type(), value.dims()));
  if (!is_collection(value.type())) TRY(claim(held_bytes(value.view())));
  keep(place, std::move(value));
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
  TRY(agree(at, type, dims));
  if (!session_.model.values[at].own) return MutableTensorView{type, binding_.dims[at], session_.addresses[at]};
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
  // Ranks too: those of values of any rank tell where the next one's sizes begin.
  auto add = [&](DimsView dims) {
    key.push_back(static_cast<std::int64_t>(dims.size()));
    key.insert(key.end(), dims.begin(), dims.end());
  };
  for (DimsView dims : given_dims) add(dims);
  for (std::int32_t at : model.late) add(late[static_cast<std::size_t>(at)]);
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
  auto binding = TRY(bind_segment(model, model.segments[index], given_dims, late, limits.memory_bytes));
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
      tensor = Tensor(plan.values[value].type, binding.dims[value]);
    }
    addresses[at] = tensor.mutable_view().data;
  }
  const Segment& segment = model.segments[index];
  for (std::uint32_t at = segment.first; at < segment.end; ++at) {
    const BoundStep& step = binding.steps[at - segment.first];
    Clock::time_point start = profiling ? Clock::now() : Clock::time_point();
    if (step.kernel != nullptr) {
      run_kernel(binding, step, arena);
    } else {
      TRY(run_operator(binding, step, plan.steps[at], *model.routines[at].op));
    }
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
                    arena + step.scratch, workers});
}

Result<void> Session::State::run_operator(Binding& binding, const BoundStep& step, const artifact::Step& planned,
                                          const OpRun& op) {
  auto views = std::span(binding.views).subspan(step.operands, step.inputs);
  for (std::size_t i = 0; i < views.size(); ++i) {
    std::int32_t at = binding.operands[step.operands + i];
    if (at != artifact::absent) views[i].data = addresses[static_cast<std::size_t>(at)];
  }
  PlannedOutputs outputs(*this, binding, step, planned);
  auto done = op.evaluate({planned.attributes, views, step.outputs}, outputs);
  if (!done) {
    Error error = std::move(done).error();
    if (error.where.empty()) error.where = planned.label;
    return error;
  }
  return outputs.finish();
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

void Session::State::forget() {
  std::fill(own.begin(), own.end(), Tensor());
  for (Dims& dims : late) dims.clear();
  given.clear();
  realigned.clear();
  in_use = 0;
}

Session::Session(std::shared_ptr<const Model> model, kernels::Workers& workers)
    : Session(std::move(model), workers, Limits()) {}
Session::Session(std::shared_ptr<const Model> model, kernels::Workers& workers, Limits limits)
    : state_(std::make_unique<State>(std::move(model), workers, limits)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

Result<std::vector<Tensor>> Session::run(std::span<const TensorView> inputs) {
  TRY(check_inputs(state_->plan.signature, inputs));
  try {
    auto done = state_->run(inputs);
    std::vector<Tensor> outputs;
    for (std::size_t i = 0; done && i < state_->plan.outputs.size(); ++i) outputs.push_back(state_->output(i));
    state_->forget();
    if (!done) return std::move(done).error();
    return outputs;
  } catch (const std::bad_alloc&) {
    state_->forget();
    return Error(Kind::unavailable, "out-of-memory", "cannot run the model: the machine has not enough memory");
  }
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
