// Values in the form of the suite's files, and the comparison with tolerances.
#pragma once

#include "tensor/tensor.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace modelctl::conformance {

// The value of a file that holds one of this kind: a tensor if `kind` is not a collection.
Result<Tensor> read_value(const std::filesystem::path& file, DType kind);

struct Tolerance {
  double relative, absolute;
  bool shapes_only;  // elements are not compared
};
// Types and shapes exactly; floats within |a-b| <= absolute + relative |b|, a NaN being equal to a NaN; all else
// exactly. Answers what is wrong, if anything is.
std::optional<std::string> difference(const Tensor& got, const Tensor& expected, const Tolerance& tolerance);

}  // namespace modelctl::conformance
