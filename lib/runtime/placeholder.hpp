// Inputs for runs whose result nobody looks at: to warm a model up, or to measure it. Zeros, except where a model
// refuses those: an empty text is neither an image nor a category.
#pragma once

#include "artifact/plan.hpp"
#include "tensor/tensor.hpp"

namespace modelctl::runtime {

// Input `input` of the plan with these dimensions, whose size the caller has checked.
Tensor placeholder(const artifact::Plan& plan, std::size_t input, Dims dims);

}  // namespace modelctl::runtime
