// Outputs that are computed from no input's elements: windows, random samples, unit matrices. An attribute gives their
// element type.
#pragma once

#include "ops/reference/run.hpp"

#include <functional>

namespace modelctl::ops {

// The type that attribute `name` numbers as ONNX does, or `otherwise` if it is absent; one that convert_elements
// supports.
Result<DType> numbered_type(const Attributes& attributes, std::string_view name, DType otherwise);

// Output 0, element i of which is value(i), as a cast from f64 gives it.
Result<void> generate(Outputs& outputs, DType type, DimsView dims, const std::function<double(std::int64_t)>& value);

}  // namespace modelctl::ops
