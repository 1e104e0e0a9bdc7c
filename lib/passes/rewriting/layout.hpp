// Permutations between channels first (as ONNX stores images) and channels last (as the kernels read them).
#pragma once

#include "graph/graph.hpp"

#include <cstdint>
#include <vector>

namespace modelctl::passes {

using Permutation = std::vector<std::int64_t>;  // output axis -> input axis, as Transpose's perm

Permutation to_channels_last(std::size_t rank);   // [0,2,3,1]
Permutation to_channels_first(std::size_t rank);  // [0,3,1,2]

// The output of a new Transpose of `value`, inserted before node `before`; its type is set.
graph::Value* transposed(graph::Value* value, const Permutation& order, graph::Node* before);

}  // namespace modelctl::passes
