// Running an artifact: a Model is the loaded plan, shared by all threads; a Session is one caller's memory for it.
//
//   auto model = TRY(Model::load(TRY(artifact::open(path)), ops::run_table(), Cpu::detect()));
//   ThreadPool pool(2);
//   Session session(model, pool);
//   std::vector<Tensor> outputs = TRY(session.run(inputs));
#pragma once

#include "artifact/artifact.hpp"
#include "kernels/kernel.hpp"
#include "runtime/operator.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <vector>

namespace modelctl {
class Interrupt;
class StopToken;
}  // namespace modelctl

namespace modelctl::runtime {

using KernelTable = std::span<const kernels::KernelDef* const>;

// A state: an output that continues an input, as a decoder's cache does. Where the caller lets both lie in the same
// memory, nothing of the input is copied.
struct StatePort {
  std::size_t input;
  std::size_t output;
  std::size_t axis;  // along which rows are added or replaced
  bool read;         // by other steps too, which take it for a dense tensor
  bool grows;        // may become longer where it lies; else it must keep its size there
};

// Memory of the caller for an output of a run. It overlaps no other memory of the run, except that a state may begin
// where the input that it continues begins.
struct OutputBuffer {
  void* data = nullptr;     // null: the output has memory of its own
  std::uint64_t bytes = 0;  // how much there is
  // Of a state that grows: how many rows the memory holds along the state's axis, so that what stands before the axis
  // (batches, heads) keeps its place while rows are added. The input's rows lie so as well.
  std::int64_t capacity = 0;
};

// Immutable once loaded: every routine of the plan is resolved.
class Model {
 public:
  // Fails with unsupported if the plan names a routine that this build does not have.
  static Result<std::shared_ptr<const Model>> load(artifact::Artifact artifact, OpRunTable operators, kernels::Cpu cpu,
                                                   KernelTable kernels = kernels::kernels());
  ~Model();

  const artifact::Signature& signature() const;
  const artifact::Plan& plan() const;
  const artifact::Artifact& artifact() const;
  std::uint64_t weights_bytes() const;
  std::span<const StatePort> states() const;
  // Fails if the artifact is not what was built, or not any longer; waits until that is known (artifact/integrity.hpp).
  Result<void> check_integrity() const;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit Model(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// What a run takes at these dimensions of its inputs, found without running. Data-dependent values count nothing, nor
// does what is made after the first of them.
struct MemoryNeed {
  std::uint64_t arena_bytes = 0;
  std::uint64_t output_bytes = 0;
};
Result<MemoryNeed> memory_need(const Model& model, std::span<const Dims> inputs);

// Checks tensors against a signature: count, types, ranks, fixed sizes, and one size per symbol. Reports every fault.
Result<void> check_inputs(const artifact::Signature& signature, std::span<const TensorView> inputs);

// One caller at a time. Holds the arena and what was bound for the shapes seen lately (a small LRU), so that a repeated
// shape allocates nothing except its outputs.
class Session {
 public:
  // Memory that one run may take before it is refused; a claim in the input must not take the machine down.
  struct Limits {
    std::uint64_t memory_bytes = default_memory();
    std::size_t cached_shapes = 8;
    // How often one run may run nested graphs, all together: a Loop whose condition always holds must end.
    std::uint64_t iterations = 10'000'000;
    // How long one run may take, and who may end it before. Checked between steps and within those that take long.
    std::chrono::nanoseconds time = std::chrono::nanoseconds::max();
    const StopToken* stop = nullptr;  // outlives the session
  };
  // Most of what the machine has, and 64 GiB at most.
  static std::uint64_t default_memory();

  Session(std::shared_ptr<const Model> model, kernels::Workers& workers);
  Session(std::shared_ptr<const Model> model, kernels::Workers& workers, Limits limits);
  ~Session();
  Session(Session&&) noexcept;

  // Inputs in the signature's order; their memory is read in place and need not outlive the call. The outputs own
  // their memory. The same inputs give the same bits at any number of threads.
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs);
  // The same with outputs in memory of the caller; `output_buffers` is as the outputs, or shorter. Such an output is
  // returned as a view of its buffer, whose lifetime is up to the caller; with a capacity it is not returned, since it
  // is not a dense tensor. After a failure the buffers' content is undefined beyond the rows that the inputs had.
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs, std::span<const OutputBuffer> output_buffers);

  // What ends a run before the session's own limits do, from the next run on: a moment, or somebody who asks for it.
  struct RunLimits {
    std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
    const Interrupt* interrupt = nullptr;  // outlives the runs
  };
  void limit_runs(RunLimits limits);

  // Bytes of the arena for the shapes run last.
  std::uint64_t arena_bytes() const;
  // How often shapes had to be bound, because they were new or no longer cached.
  std::uint64_t bindings_made() const;

  // Seconds that each step of the plan took, summed over the runs since profiling was switched on.
  void profile(bool on);
  std::span<const double> step_seconds() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::runtime
