// Inference that many operators share.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl::ops {

// The words of OpDef::types that stand for the lists of tensor/dispatch.hpp.
inline constexpr Types float_types = "floats";
inline constexpr Types integer_types = "integers";
inline constexpr Types number_types = "numbers";
inline constexpr Types plain_types = "numbers bool string";
inline constexpr Types all_float_types = "floats f8 f4e2m1";
inline constexpr Types all_types = "any -c64 -c128";  // that convert.hpp knows
inline constexpr Types any_type = "any -small";       // of a byte or more each

// Output 0 has the type and shape of input 0.
Result<void> infer_same(Inference& call);
// Output 0 is of the inputs' type, or a truth value, and of the shape that all inputs broadcast to.
Result<void> infer_broadcast(Inference& call);
Result<void> infer_comparison(Inference& call);
// The shape that all inputs broadcast to; nullopt if a rank is unknown.
Result<std::optional<graph::Shape>> broadcast_inputs(const Inference& call, std::size_t from = 0);

// The one element type that these inputs have, as far as known; fails if two differ.
Result<DType> common_element(const Inference& call, std::initializer_list<std::size_t> inputs);
Result<DType> common_element(const Inference& call);  // of all inputs

// Fails if an input's rank is known and out of bounds.
Result<void> need_rank(const Inference& call, std::size_t index, std::size_t least, std::size_t most = max_rank);

// An integer list that is fixed: from a constant input, or contents that are all numbers.
std::optional<Dims> known_integers(const Inference& call, std::size_t index);
// The fixed length of an input of rank 1, if known.
std::optional<std::int64_t> known_length(const Inference& call, std::size_t index);

// Several axes as indices; fails for one that is outside or repeated.
Result<std::vector<std::size_t>> normal_axes(const Inference& call, std::span<const std::int64_t> axes,
                                             std::size_t rank);

graph::Expr product(std::span<const graph::Expr> sizes);
// Both sizes must be equal: the more definite one; fails if they never are.
Result<graph::Expr> same_size(const Inference& call, const graph::Expr& a, const graph::Expr& b);

// The shape of numpy's matmul of two inputs; nullopt if a rank is unknown.
Result<std::optional<graph::Shape>> matmul_shape(const Inference& call, std::size_t a, std::size_t b);

// The type of a value that is of one type or the other: sizes that differ are open, a rank that differs is unknown.
// Fails if the element types differ.
Result<graph::Type> join(Inference& call, const graph::Type& a, const graph::Type& b);
// The type of one of several values that may differ in every size that is not a number.
graph::Type one_of(Inference& call, const graph::Type& type);
// The type of the elements of the collection in input `index`; unknown if the model does not give it.
graph::Type inside(const Inference& call, std::size_t index);

// A shape of this rank of which no size is known.
graph::Shape unknown_shape(Inference& call, std::size_t rank);

// Output 0 has the elements of input 0, unchanged: passes its contents on, if the output's rank is 0 or 1.
void pass_contents(Inference& call, const graph::Shape& shape);
// Elementwise arithmetic on contents: sets those of output 0 if both inputs' are known and `apply` returns them.
void contents_of_pair(Inference& call, std::optional<graph::Expr> (*apply)(const graph::Expr& a, const graph::Expr& b));

}  // namespace modelctl::ops
