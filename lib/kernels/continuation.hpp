// An output that goes on where an input ends, as a decoder's cache does: the routine can write it in that input's
// memory, where the rows that it keeps lie already. Rows are added or replaced along one axis.
#pragma once

#include <cstdint>

namespace modelctl::kernels {

struct Continuation {
  std::uint8_t output;
  std::uint8_t input;
  std::int8_t axis;  // below 0: the step's attribute "axis" tells or, where there is none, so many from the end
};

}  // namespace modelctl::kernels
