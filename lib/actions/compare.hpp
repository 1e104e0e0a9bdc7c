// Whether answers are those that were expected.
#pragma once

#include "artifact/plan.hpp"
#include "tensor/formats.hpp"

#include <string>
#include <vector>

namespace modelctl::actions {

inline constexpr double default_tolerance = 1e-3;  // of a value: absolute, or relative where the value exceeds 1

struct Comparison {
  std::string name;
  std::uint64_t values = 0;
  std::uint64_t different = 0;  // beyond the tolerance
  double largest = 0;           // difference, as the tolerance measures it
};

// Two NaN are equal, and so are two infinities of one sign. Fails where the shapes differ.
Result<Comparison> compare(const std::string& name, const Tensor& value, const Tensor& expected, double tolerance);

// The values as doubles, whatever their type; fails for one that has no order.
Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name);

}  // namespace modelctl::actions
