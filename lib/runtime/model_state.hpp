// What load() worked out of a plan, once for all sessions. Internal to the component.
#pragma once

#include "runtime/model.hpp"

namespace modelctl::runtime {

// Steps [first, end) whose sizes are all known once the data-dependent values of the segments before exist: it is bound
// and run as one.
struct Segment {
  std::uint32_t first;
  std::uint32_t end;
};

// Exactly one of the two is set.
struct Routine {
  const kernels::KernelDef* kernel = nullptr;
  const OpRun* op = nullptr;

  std::span<const kernels::Continuation> continues() const {
    return kernel != nullptr ? kernel->continues : op->continues;
  }
};

inline constexpr std::uint32_t never_dies = ~std::uint32_t{0};

// What is the same for every run of a value.
struct ValueInfo {
  std::uint32_t last_use = 0;  // the step that reads it last (or makes it, if nobody does); never_dies for outputs
  std::int32_t output = -1;    // the first of the plan's outputs that it is
  bool own = false;  // data-dependent values, strings and collections have memory of their own, beside the arena
  Tensor constant;   // present for constants alone
};

// Of the model's plan, and of each nested one.
struct Model::State {
  std::shared_ptr<const artifact::Artifact> artifact;
  const artifact::Plan* planned = nullptr;  // in the artifact
  kernels::Cpu cpu;
  std::vector<Routine> routines;  // by step
  std::vector<ValueInfo> values;
  std::vector<Segment> segments;
  std::vector<std::vector<std::int32_t>> dying;      // by step: the values with memory of their own that it reads last
  std::vector<std::int32_t> data_dependent_values;   // in the order in which they are made
  std::size_t operands = 0;                          // of the step that has most
  std::vector<std::unique_ptr<const State>> bodies;  // as Plan::bodies
  std::vector<StatePort> states;
  std::vector<Tensor> defaults;  // by input of the plan; not present for one that must be given

  const artifact::Plan& plan() const { return *planned; }
};

}  // namespace modelctl::runtime
