// Whether outputs are those that were expected.
#pragma once

#include "artifact/plan.hpp"
#include "tensor/formats.hpp"

#include <optional>
#include <string>
#include <vector>

namespace modelctl::actions {

// Of a value that is a float: absolute, or relative if the value exceeds 1. Integers and bools must be equal.
inline constexpr double default_tolerance = 1e-3;

struct Comparison {
  std::string name;
  std::uint64_t values = 0;
  std::uint64_t different = 0;  // beyond the tolerance
  double largest = 0;           // difference, as the tolerance measures it; of texts infinite
  bool text = false;            // the values are texts
};

// `tolerance` applies to all numbers; nothing: default_tolerance. Two NaN are equal, and so are two infinities of one
// sign. The types may differ: both sides are compared as f64, but integers of 64 bits as they are; texts must be equal.
// Sequences are compared item by item, maps key by key. Fails with bad_input, code wrong-shape, where shapes, sizes or
// keys differ, and as numbers() does.
Result<Comparison> compare(const std::string& name, const Tensor& value, const Tensor& expected,
                           std::optional<double> tolerance);

// The values as doubles in row-major order. Fails with unsupported, code cannot-compare, for strings, complex numbers
// and collections.
Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name);

}  // namespace modelctl::actions
