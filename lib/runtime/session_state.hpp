// What a session is made of: the memory of one plan, and of the plans nested in it. Internal to the component.
#pragma once

#include "runtime/binding.hpp"
#include "runtime/budget.hpp"
#include "runtime/nested_body.hpp"

#include <new>
#include <utility>

namespace modelctl::runtime {

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

struct Session::State {
  // `around` is the budget of the run that nested plans belong to; null: this is the plan of the model, which has it.
  State(const Model::State& loaded, kernels::Workers& workers, Limits limits, Budget* around = nullptr)
      : model(loaded),
        plan(model.plan()),
        workers(workers),
        limits(limits),
        whole(limits),
        budget(around == nullptr ? &whole : around),
        blocks(model.segments.size()),
        active(model.segments.size()),
        addresses(plan.values.size()),
        own(plan.values.size()),
        data_dependent_dims(plan.values.size()),
        input_pointers(model.operands),
        output_pointers(model.operands) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (model.values[i].constant.present()) addresses[i] = const_cast<void*>(model.values[i].constant.view().data);
    }
    nested.resize(plan.bodies.empty() ? 0 : plan.steps.size());
    for (std::size_t i = 0; i < nested.size(); ++i) {
      for (const artifact::StepBody& each : plan.steps[i].bodies) {
        nested[i].push_back(std::make_unique<NestedBody>(*this, each));
      }
    }
  }

  Result<void> run(std::span<const TensorView> inputs);
  // Whether this output of the plan is in the caller's memory; -1 means none.
  bool placed(std::int32_t output) const {
    auto k = static_cast<std::size_t>(output);
    return k < output_buffers.size() && output_buffers[k].data != nullptr;
  }
  Result<Tensor> output_memory(std::size_t output, DimsView dims) const;
  Result<void> run_segment(std::size_t index);
  Result<Binding*> find_binding(std::size_t index);
  void run_kernel(const Binding& binding, const BoundStep& step, std::byte* arena);
  Result<void> run_operator(Binding& binding, const BoundStep& step, std::uint32_t index);
  Result<void> claim(std::uint64_t bytes);
  Tensor output(std::size_t index) const;
  void release_values();  // of the run; bindings and arenas stay
  Error run_out_of_memory();

  std::shared_ptr<const Model> owner;  // of the outermost session alone
  const Model::State& model;
  const artifact::Plan& plan;
  kernels::Workers& workers;
  Limits limits;
  RunLimits run_limits;  // of the outermost session
  Budget whole;
  Budget* budget;  // of the whole run, which the states of nested plans share

  InterruptibleWorkers tile_workers{workers, *budget};  // `workers`, which stop when the budget is spent

  std::vector<Block> blocks;                 // by segment
  std::vector<Cached> cache;                 // the most recent ones
  std::uint64_t tick = 0;                    // of the cache
  std::uint64_t bindings = 0;                // made so far
  std::vector<const Binding*> active;        // by segment: of the run before
  std::vector<TensorView> given;             // the run's inputs
  std::vector<DimsView> given_dims;          // theirs
  std::vector<OutputBuffer> output_buffers;  // of the run's outputs; shorter if the last ones have none
  std::vector<Tensor> realigned;             // copies of inputs whose memory is not aligned to their type
  Dims key;
  std::vector<void*> addresses;           // by value
  std::vector<Tensor> own;                // by value: memory beside the arena, and outputs
  std::vector<Dims> data_dependent_dims;  // by value: of values with a data-dependent shape, once they are computed
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  std::uint64_t in_use = 0;                                      // bytes that the run has taken so far
  std::vector<std::vector<std::unique_ptr<NestedBody>>> nested;  // by step
  std::vector<Body*> bodies;                                     // of the step that runs
  bool profiling = false;
  std::vector<double> seconds;
};

}  // namespace modelctl::runtime
