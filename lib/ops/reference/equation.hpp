// The equation of an Einsum, for both halves and for the pass that writes it as matrix products.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

// An axis: a letter's code, or, of those that an ellipsis stands for, first_of_ellipsis and up, counted from the last.
using Subscripts = std::vector<int>;
inline constexpr int first_of_ellipsis = 256;

struct Equation {
  std::vector<Subscripts> operands;
  Subscripts output;
};

bool contains(const Subscripts& labels, int label);

// Reads "ij,jk->ik" for operands of these ranks; without "->" the output has what an ellipsis stands for, then each
// label that occurs once.
Result<Equation> read_equation(std::string_view text, std::span<const std::size_t> ranks);

}  // namespace modelctl::ops
