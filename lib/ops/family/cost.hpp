// Traits::multiplications of products and convolutions: what evaluating a node takes whose inputs are constants.
#pragma once

#include "graph/graph.hpp"

#include <cstdint>

namespace modelctl::ops {

// The product of the operands' numbers of elements: an upper bound for any operator that meets each element of one with
// each of the others. It saturates at the largest number.
std::uint64_t product_of_operands(const graph::Node& node);
// The elements of output 0 times the length of the rows of input 0 (of its columns if transA says so).
std::uint64_t matrix_products(const graph::Node& node);

}  // namespace modelctl::ops
