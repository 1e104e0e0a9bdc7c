// Loads a plan: resolves its routines, finds for each value the step that reads it last, and cuts the steps into
// segments wherever a size depends on data that an earlier step computes.
#include "runtime/model_state.hpp"

#include "artifact/integrity.hpp"
#include "artifact/strings.hpp"
#include "base/check.hpp"
#include "runtime/states.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

namespace modelctl::runtime {
namespace {

class Loader {
 public:
  Loader(Model::State& state, OpRunTable operators, KernelTable kernels) : state_(state) {
    for (const OpRun* op : operators) operators_.emplace(std::pair(op->domain, op->name), op);
    for (const kernels::KernelDef* kernel : kernels) kernels_.emplace(kernel->name, kernel);
  }

  Result<void> run() {
    TRY(resolve());
    const artifact::Plan& plan = state_.plan();
    state_.values.resize(plan.values.size());
    for (std::size_t i = 0; i < plan.values.size(); ++i) {
      const artifact::PlanValue& value = plan.values[i];
      if (value.storage == artifact::Storage::constant) state_.values[i].constant = constant(value);
      state_.values[i].own =
          value.storage == artifact::Storage::computed && (value.data_dependent || !is_plain(value.type));
    }
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      std::int32_t at = artifact::default_of(plan, i);
      state_.defaults.push_back(at == artifact::absent ? Tensor()
                                                       : state_.values[static_cast<std::size_t>(at)].constant);
    }
    state_.states = find_states(plan, state_.routines);
    trace_uses();
    cut_segments();
    return {};
  }

 private:
  Result<void> resolve() {
    Faults faults;
    std::set<std::string_view> reported;
    for (const artifact::Step& step : state_.plan().steps) {
      std::string_view name = step.routine;
      Routine routine;
      if (name.starts_with("kernel:")) {
        auto found = kernels_.find(name.substr(7));
        if (found != kernels_.end()) routine.kernel = found->second;
        TRY(check_kernel_step(step));
      } else {
        auto colon = name.find(':', 3);
        auto found = operators_.find({name.substr(3, colon - 3), name.substr(colon + 1)});
        if (found != operators_.end()) routine.op = found->second;
      }
      if (routine.kernel == nullptr && routine.op == nullptr && reported.insert(name).second) {
        faults.add(Error(Kind::unsupported, "no-such-routine",
                         fmt::format("cannot run the model: this program has no routine '{}'", name))
                       .at(step.label)
                       .help("use the version of modelctl that built the artifact, or build it again"));
      }
      state_.routines.push_back(routine);
      state_.operands = std::max(state_.operands, step.inputs.size() + step.outputs.size());
    }
    if (faults.none()) return {};
    return std::move(faults).sum("cannot run the model: this program lacks routines that it needs");
  }

  // Kernels support neither strings and collections nor outputs of a data-dependent shape.
  Result<void> check_kernel_step(const artifact::Step& step) const {
    auto fits = [&](std::int32_t index, bool output) {
      if (index == artifact::absent) return true;
      const artifact::PlanValue& value = state_.plan().values[static_cast<std::size_t>(index)];
      return is_plain(value.type) && !value.any_rank && !(output && value.data_dependent);
    };
    bool good = std::all_of(step.inputs.begin(), step.inputs.end(), [&](auto at) { return fits(at, false); }) &&
                std::all_of(step.outputs.begin(), step.outputs.end(), [&](auto at) { return fits(at, true); });
    if (good) return {};
    return Error(Kind::bad_input, "bad-artifact",
                 fmt::format("cannot run the model: '{}' needs plain tensors of known rank, and outputs of a shape "
                             "known before it runs",
                             step.routine))
        .at(step.label);
  }

  Tensor constant(const artifact::PlanValue& value) const {
    Dims dims;
    for (std::uint32_t at : value.dims) dims.push_back(state_.plan().shapes[at].a);
    ByteSpan bytes = state_.artifact->weights.subspan(value.offset, value.bytes);
    if (value.type != DType::string) {
      return Tensor(value.type, std::move(dims), state_.artifact->owner, bytes.data());
    }
    auto strings = artifact::decode_strings(bytes, static_cast<std::uint64_t>(*element_count(dims)));
    MODELCTL_CHECK(strings.has_value(), "the strings of an opened artifact were checked");
    return Tensor::of_strings(std::move(dims), std::move(*strings));
  }

  void trace_uses() {
    const artifact::Plan& plan = state_.plan();
    std::vector<ValueInfo>& values = state_.values;
    state_.dying.resize(plan.steps.size());
    for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
      for (const auto* operands : {&plan.steps[i].inputs, &plan.steps[i].outputs}) {
        for (std::int32_t at : *operands) {
          if (at != artifact::absent) values[static_cast<std::size_t>(at)].last_use = i;
        }
      }
      for (std::int32_t at : plan.steps[i].outputs) {
        if (at != artifact::absent && plan.values[static_cast<std::size_t>(at)].data_dependent)
          state_.data_dependent_values.push_back(at);
      }
    }
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      ValueInfo& value = values[static_cast<std::size_t>(plan.outputs[i])];
      value.last_use = never_dies;
      if (value.output < 0) value.output = static_cast<std::int32_t>(i);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].own && values[i].last_use != never_dies) {
        state_.dying[values[i].last_use].push_back(static_cast<std::int32_t>(i));
      }
    }
  }

  // A new segment begins where a step has an operand whose size depends on a data-dependent value of this one.
  void cut_segments() {
    const artifact::Plan& plan = state_.plan();
    std::vector<std::uint32_t> made(plan.values.size());
    for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
      for (std::int32_t at : plan.steps[i].outputs) {
        if (at != artifact::absent) made[static_cast<std::size_t>(at)] = i + 1;
      }
    }
    std::vector<std::uint32_t> known(plan.shapes.size());  // after how many steps
    for (std::size_t i = 0; i < known.size(); ++i) {
      const artifact::ShapeInstruction& at = plan.shapes[i];
      auto a = static_cast<std::size_t>(at.a), b = static_cast<std::size_t>(at.b);
      if (at.op == artifact::ShapeOp::data_dependent_dim) known[i] = made[a];
      if (at.op > artifact::ShapeOp::data_dependent_dim) known[i] = std::max(known[a], known[b]);
    }
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
      std::uint32_t needed = 0;
      auto need = [&](std::int32_t at, bool output) {
        if (at == artifact::absent) return;
        const artifact::PlanValue& value = plan.values[static_cast<std::size_t>(at)];
        if (output && value.data_dependent) return;
        for (std::uint32_t r : value.dims) needed = std::max(needed, known[r]);
        // A data-dependent scalar has no dimension, but does not exist before its step has run.
        if (value.data_dependent) needed = std::max(needed, made[static_cast<std::size_t>(at)]);
      };
      for (std::int32_t at : plan.steps[i].inputs) need(at, false);
      for (std::int32_t at : plan.steps[i].outputs) need(at, true);
      if (needed > first) {
        state_.segments.push_back({first, i});
        first = i;
      }
    }
    if (first < plan.steps.size()) {
      state_.segments.push_back({first, static_cast<std::uint32_t>(plan.steps.size())});
    }
  }

  Model::State& state_;
  std::map<std::pair<std::string_view, std::string_view>, const OpRun*> operators_;
  std::map<std::string_view, const kernels::KernelDef*> kernels_;
};

Result<std::unique_ptr<Model::State>> load_plan(const std::shared_ptr<const artifact::Artifact>& artifact,
                                                const artifact::Plan& plan, OpRunTable operators, kernels::Cpu cpu,
                                                KernelTable kernels) {
  auto state = std::make_unique<Model::State>();
  state->artifact = artifact;
  state->planned = &plan;
  state->cpu = cpu;
  TRY(Loader(*state, operators, kernels).run());
  for (const artifact::Plan& body : plan.bodies) {
    state->bodies.push_back(TRY(load_plan(artifact, body, operators, cpu, kernels)));
  }
  return state;
}

}  // namespace

Model::Model(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::load(artifact::Artifact artifact, OpRunTable operators, kernels::Cpu cpu,
                                                 KernelTable kernels) {
  auto shared = std::make_shared<const artifact::Artifact>(std::move(artifact));
  auto state = TRY(load_plan(shared, shared->plan, operators, cpu, kernels));
  return std::shared_ptr<const Model>(new Model(std::move(state)));
}

const artifact::Signature& Model::signature() const { return state_->plan().signature; }
const artifact::Plan& Model::plan() const { return state_->plan(); }
const artifact::Artifact& Model::artifact() const { return *state_->artifact; }
std::span<const StatePort> Model::states() const { return state_->states; }

Result<void> Model::check_integrity() const {
  const auto& integrity = state_->artifact->integrity;
  return integrity == nullptr ? Result<void>() : integrity->check();
}
std::uint64_t Model::weights_bytes() const { return state_->artifact->weights.size(); }

}  // namespace modelctl::runtime
