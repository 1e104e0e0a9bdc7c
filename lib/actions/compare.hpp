// Whether outputs are those that were expected.
#pragma once

#include "artifact/plan.hpp"
#include "tensor/formats.hpp"

#include <string>
#include <vector>

namespace modelctl::actions {

inline constexpr double default_tolerance = 1e-3;  // of a value: absolute, or relative if the value exceeds 1

struct Comparison {
  std::string name;
  std::uint64_t values = 0;
  std::uint64_t different = 0;  // beyond the tolerance
  double largest = 0;           // difference, as the tolerance measures it
};

// Two NaN are equal, and so are two infinities of one sign. The types may differ: both sides are compared as f64, which
// holds integers exactly up to 2^53. Fails with bad_input, code wrong-shape, where the shapes differ, and as numbers()
// does.
Result<Comparison> compare(const std::string& name, const Tensor& value, const Tensor& expected, double tolerance);

// The values as doubles in row-major order. Fails with unsupported, code cannot-compare, for what is not in
// NumbersAndBool (tensor/dispatch.hpp): strings, complex numbers, small floats, packed types and collections.
Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name);

}  // namespace modelctl::actions
