// One segment of a plan, bound to the sizes of one run: where every value lies, and each kernel's decisions. Internal
// to the component.
#pragma once

#include "runtime/model_state.hpp"

namespace modelctl::runtime {

// Where a value that the segment makes lies.
struct Placement {
  std::int32_t value;
  std::int32_t output;   // in the memory of this output of the plan, or -1: in the arena
  std::uint64_t offset;  // in the arena
};

struct BoundStep {
  std::unique_ptr<kernels::Bound> kernel;  // null: an operator's evaluate
  std::uint32_t operands;                  // its first in Binding::operands; inputs, then outputs
  std::uint32_t inputs;
  std::uint32_t outputs;
  std::uint64_t scratch;  // offset in the arena
};

struct Binding {
  std::vector<Dims> dims;  // by value; what the segment does not touch is empty
  std::vector<Placement> placements;
  std::vector<BoundStep> steps;
  std::vector<std::int32_t> operands;  // values, or absent
  std::vector<TensorView> views;       // as operands; data is set for constants, and by each run for operators
  std::uint64_t arena_bytes = 0;
  std::uint64_t output_bytes = 0;  // of the plan's outputs that it makes
};

// `inputs` are the caller's dimensions, `data_dependent` those of the data-dependent values made so far, both in the
// plan's order; `output_buffers` gives the capacity of states. Fails if a size cannot be computed, if the arena
// would exceed `limit`, or if a kernel refuses its operands.
Result<std::unique_ptr<Binding>> bind_segment(const Model::State& model, const Segment& segment,
                                              std::span<const DimsView> inputs, std::span<const Dims> data_dependent,
                                              std::span<const OutputBuffer> output_buffers, std::uint64_t limit);

// "cannot run the model: it needs 3.2 GiB of memory …"
Error memory_limit(std::uint64_t needed, std::uint64_t limit);

}  // namespace modelctl::runtime
