// Named inputs, put into a model's order. What is wrong with the tensors themselves is reported by
// check_inputs() (model.hpp).
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"

#include <span>
#include <string>
#include <vector>

namespace modelctl::runtime {

inline constexpr std::size_t not_given = ~std::size_t{0};

// For each input of the signature the index into `names` of what was given for it; not_given for an optional input that
// was left out. A name may be empty: such ones go by position to the inputs that no name claims. Reports every unknown,
// repeated and missing name.
Result<std::vector<std::size_t>> match_inputs(const artifact::Signature& signature, std::span<const std::string> names);

// Fails if an input or output is a sequence, optional or map, for interfaces that pass only tensors; `what` is what
// cannot be done: "serve the model".
Result<void> need_tensors(const artifact::Signature& signature, std::string_view what);

// "f32[batch,1,8,8]"
std::string describe(const artifact::Port& port);

}  // namespace modelctl::runtime
