// Single elements as text, for the text formats (CSV, JSON). Parsing and printing are exact inverses for every type,
// and independent of the locale.
#pragma once

#include "tensor/half.hpp"
#include "tensor/tensor.hpp"

#include <string>
#include <string_view>

namespace modelctl {

// How a format spells NaN and the infinities.
struct NonFinite {
  std::string_view nan, infinity, minus_infinity;
};

// Separate reasons, since the help differs: another spelling, another type, or another value. `no_number` is also the
// result for a type that is not a type of numbers.
enum class Parsed { good, no_number, no_integer, out_of_range };

// Parses a decimal number ("-1.5e3"; no white space, no leading '+', no hexadecimal) into the element at `element`.
// Integers must be written without a fraction or an exponent and be in range; floats round to nearest even, and only a
// magnitude above the largest finite value is out of range. "nan" and "inf" are not accepted here, because each format
// spells them differently. `type` must be a type of numbers.
Parsed parse_element(std::string_view text, DType type, void* element);

// The same for a number that is known to follow the grammar and to be `whole` or not, as the JSON cursor returns it,
// into one of the types of Numbers (dispatch.hpp).
template <class T>
Parsed parse_decimal(std::string_view text, bool whole, T& value);

// Writes NaN (with 0), infinity (1) or minus infinity (-1) into a float element; false for other types.
bool set_non_finite(DType type, int sign, void* element);

// Appends element `index`: a number in the shortest form that parses to the same value, a bool as "true" or "false".
// Returns false for types without such a text (strings, complex numbers).
bool print_element(std::string& out, const TensorView& tensor, std::int64_t index, const NonFinite& spelling);

// Appends a finite number as the shortest text that parses to the same value of its type, and of texts of one length
// the nearest: 0.1 and 65504, not 0.099975586 and 65500. What fmt writes for the f32 value would be longer, because it
// separates the value from neighboring f32 values that the narrow type does not have.
void print_digits(std::string& out, Half value);
void print_digits(std::string& out, BFloat16 value);

// Why `text` was not parsed: "'1.5' is not an i64".
std::string why_not(Parsed result, std::string_view text, DType type);

}  // namespace modelctl
