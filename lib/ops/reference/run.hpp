// What the run halves share: refusing operands, small integer operands, sizes and strides. A run half includes nothing
// of the graph, since runners do not have one; errors describe the fault, and the caller adds the node.
#pragma once

#include "runtime/operator.hpp"
#include "tensor/dispatch.hpp"

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace modelctl::ops {

using runtime::Call;
using runtime::OpRun;
using runtime::Outputs;

Error refuse(std::string what);
Error refuse_type(DType type);

// The place of a text attribute's value in a list of texts with a blank between two; 0 if it is absent or none of them.
// The schema refuses other texts when a model is read (text_choice in schema/operator.hpp, with the same list).
std::size_t choice_of(const Attributes& attributes, std::string_view name, std::string_view texts);
// The same, as the enumerator at that place.
template <class Enumeration>
Enumeration choice_of(const Attributes& attributes, std::string_view name, std::string_view texts) {
  return static_cast<Enumeration>(choice_of(attributes, name, texts));
}

// The elements of an integer tensor of rank 0 or 1, as sizes, axes and the like come. `what` names it in the error.
Result<Dims> integers(const TensorView& view, std::string_view what);
Result<std::int64_t> one_integer(const TensorView& view, std::string_view what);
// The one element of a tensor of any number type.
Result<double> one_number(const TensorView& view, std::string_view what);

// An axis in [-rank, rank) as an index.
Result<std::size_t> axis_index(std::int64_t axis, std::size_t rank);
// The same for several; a repeated one is refused.
Result<std::vector<std::size_t>> axis_indices(std::span<const std::int64_t> axes, std::size_t rank);

// The product of dimensions that belong to a tensor, and so cannot overflow.
std::int64_t product(DimsView dims);
// Elements to skip from one index to the next along each axis.
Dims strides_of(DimsView dims);
// Sums and products of sizes that a model claims; they fail if an i64 would overflow.
Result<std::int64_t> checked_add(std::int64_t a, std::int64_t b);
Result<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b);

// Output `index` is input 0 under other dimensions.
Result<void> output_copy(const Call& call, Outputs& outputs, DimsView dims);

// Fails unless both have one element type, as operators with a type parameter require.
Result<void> same_type(const TensorView& a, const TensorView& b);
// Fails unless the input is present and has at least this rank.
Result<void> need_rank(const TensorView& view, std::size_t least, std::string_view what);

// Runs body<T>() for the element type's C++ type, or refuses the type. The body returns Result<void>.
template <class List, class F>
Result<void> for_type(DType type, F&& body) {
  using Body = std::remove_reference_t<F>;
  Result<void> (*chosen)(Body&) = nullptr;  // one call and one result, whatever the number of types
  (void)with_type<List>(type, [&]<class T>() {
    chosen = [](Body& of_type) -> Result<void> { return of_type.template operator()<T>(); };
  });
  return chosen == nullptr ? Result<void>(refuse_type(type)) : chosen(body);
}

// Index types, as Gather and its like take them.
using IndexTypes = TypeList<std::int32_t, std::int64_t>;
// All indices as i64, whatever the type; refuses one outside [-size, size), and returns them in [0, size).
Result<Dims> indices(const TensorView& view, std::int64_t size);

// Arithmetic on any type with no undefined behavior: integers wrap, as two's complement does.
template <class T>
constexpr bool is_whole = std::is_integral_v<T>;
template <class T>
T wrap_add(T a, T b) {
  if constexpr (is_whole<T>) return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else return a + b;
}
template <class T>
T wrap_subtract(T a, T b) {
  if constexpr (is_whole<T>) return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
  else return a - b;
}
template <class T>
T wrap_multiply(T a, T b) {
  if constexpr (is_whole<T>) return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  else return a * b;
}

// A float as an integer: toward zero, the nearest bound if it is out of range, 0 for NaN.
template <class To, class From>
To saturated(From value) {
  if (value != value) return To{0};
  if (value <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (value >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

}  // namespace modelctl::ops
