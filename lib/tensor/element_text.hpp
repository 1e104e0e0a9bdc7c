// Single elements as text, for the formats that are text.
#pragma once

#include "tensor/tensor.hpp"

#include <string>
#include <string_view>

namespace modelctl {

// How a text spells the values that are no numbers.
struct NonFinite {
  std::string_view nan, infinity, minus_infinity;
};

enum class Parsed { good, no_number, no_integer, out_of_range };

// Parses a decimal number ("-1.5e3"; no white space, no leading '+', no hexadecimal) into the element at `element`.
// Integers must be spelled without a fraction and fit; floats round to nearest, and only what is beyond the largest is
// out of range. "nan", "inf" and "infinity" are no numbers here: each format has its own spelling. `type` is any
// number.
Parsed parse_element(std::string_view text, DType type, void* element);

// Writes NaN (with 0), infinity (1) or minus infinity (-1) into a float element; false for other types.
bool set_non_finite(DType type, int sign, void* element);

// Appends element `index`: numbers in the shortest form that reads back to the same value. Bools are "true" and
// "false". False for a type that has no such text (strings, complex, types of less than a byte).
bool print_element(std::string& out, const TensorView& tensor, std::int64_t index, const NonFinite& spelling);

// Why `text` was not parsed: "'1.5' is no i64".
std::string why_not(Parsed result, std::string_view text, DType type);

}  // namespace modelctl
