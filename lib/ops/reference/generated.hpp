// Outputs that are made of numbers rather than of an input's elements: windows, draws, unit matrices. An attribute
// names their element type.
#pragma once

#include "ops/reference/run.hpp"

#include <functional>

namespace modelctl::ops {

// The type that attribute `name` numbers as ONNX does, or `otherwise` where it is absent; one that convert_elements
// knows.
Result<DType> numbered_type(const Attributes& attributes, std::string_view name, DType otherwise);

// Output 0, element i of which is value(i), as a cast from f64 gives it.
Result<void> generate(Outputs& outputs, DType type, DimsView dims, const std::function<double(std::int64_t)>& value);

}  // namespace modelctl::ops
