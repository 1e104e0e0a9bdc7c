// Outputs in memory of the caller, and among them those that continue an input where it lies. Internal to the
// component.
#pragma once

#include "runtime/model_state.hpp"

namespace modelctl::runtime {

// Every output of the plan that a step makes by continuing an input of the plan which nothing else reads.
std::vector<StatePort> find_states(const artifact::Plan& plan, std::span<const Routine> routines);

// What can be checked of output buffers before sizes are known: which outputs they are of, and what memory they share.
Result<void> check_output_buffers(const Model::State& model, std::span<const TensorView> inputs,
                                  std::span<const OutputBuffer> output_buffers);

// An output of these dimensions in the caller's memory, which must be large enough. With a capacity its rows do not
// lie as a dense tensor of these dimensions would.
Result<Tensor> output_in_buffer(const Model::State& model, std::size_t output, DimsView dims,
                                std::span<const TensorView> inputs, const OutputBuffer& buffer);

}  // namespace modelctl::runtime
