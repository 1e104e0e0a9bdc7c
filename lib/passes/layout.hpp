// Permutations between channels first (as ONNX has images) and channels last (as the kernels want them).
#pragma once

#include "graph/graph.hpp"

#include <cstdint>
#include <vector>

namespace modelctl::passes {

using Permutation = std::vector<std::int64_t>;  // output axis -> input axis, as Transpose's perm

Permutation to_last(std::size_t rank);   // [0,2,3,1]
Permutation to_first(std::size_t rank);  // [0,3,1,2]

// A Transpose of `value` before `before`, its type inferred.
graph::Value* transposed(graph::Value* value, const Permutation& order, graph::Node* before);

}  // namespace modelctl::passes
