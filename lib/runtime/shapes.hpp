// The shape program of a plan, evaluated.
#pragma once

#include "artifact/plan.hpp"

#include <optional>
#include <span>
#include <vector>

namespace modelctl::runtime {

// A register whose sources are not there yet, that overflowed, or that divides by zero holds nothing.
using Registers = std::vector<std::optional<std::int64_t>>;

// `inputs` are the dimensions of the plan's inputs; `late` those of its late values, by value, empty where the value is
// not there yet (a late scalar has no dimension to ask for).
Registers evaluate_shapes(const artifact::Plan& plan, std::span<const DimsView> inputs, std::span<const Dims> late);

}  // namespace modelctl::runtime
