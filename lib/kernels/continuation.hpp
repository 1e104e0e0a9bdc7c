// An output that continues an input, as a decoder's cache does: the routine can write it in that input's memory, where
// the rows that it keeps are already. Rows are added or replaced along one axis.
#pragma once

#include <cstdint>

namespace modelctl::kernels {

struct Continuation {
  std::uint8_t output;
  std::uint8_t input;
  std::int8_t axis;  // below 0: the step's attribute "axis" if it has one, else counted from the end
};

}  // namespace modelctl::kernels
