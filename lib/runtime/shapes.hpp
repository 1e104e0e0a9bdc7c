// The shape program of a plan, evaluated.
#pragma once

#include "artifact/plan.hpp"

#include <optional>
#include <span>
#include <vector>

namespace modelctl::runtime {

// A register whose sources are not known yet, that overflowed, or that divides by zero holds nothing.
using Registers = std::vector<std::optional<std::int64_t>>;

// `inputs` are the dimensions of the plan's inputs; `data_dependent` those of its data-dependent values, by value,
// empty if the value is not computed yet (a data-dependent scalar has no dimension to ask for).
Registers evaluate_shapes(const artifact::Plan& plan, std::span<const DimsView> inputs,
                          std::span<const Dims> data_dependent);

}  // namespace modelctl::runtime
