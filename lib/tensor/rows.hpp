// Rows of a file as the first axis of a tensor.
#pragma once

#include "tensor/formats.hpp"

namespace modelctl::formats {

// A tensor whose first axis is the rows of a file, for an input with more axes: those that are missing have size 1 and
// follow the first one.
Tensor as_rows(Tensor tensor, const Expected& input);

}  // namespace modelctl::formats
