// The one reader of tensors in JSON, for files and for requests: nested or flat lists of numbers, booleans or strings.
// One rule for what JSON has no number for (docs/reference/tensor-files.md): a float may be the string "NaN",
// "Infinity" or "-Infinity", as in the JSON mapping of protocol buffers; null is refused, and so is a number that the
// type cannot hold. A server may have another rule (NonFiniteForm).
#pragma once

#include "tensor/element_text.hpp"
#include "tensor/json/cursor.hpp"
#include "tensor/tensor.hpp"

#include <limits>
#include <optional>

namespace modelctl::json {

inline constexpr NonFinite non_finite{"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};

// How NaN and the infinities appear: as those strings; as null, which is read as NaN (the strings are read, too); or
// not at all.
enum class NonFiniteForm { strings, null, reject };

// What is known of a tensor before its list is read.
struct Wanted {
  // Absent: what the elements show: i64, f64, bool or string. "NaN" and its like are floats beside numbers.
  std::optional<DType> type;
  std::optional<Dims> shape;  // which a flat list must fill and a nested list must have; absent: the list's own
  std::uint64_t memory_bytes = std::numeric_limits<std::uint64_t>::max();  // that the tensor may take
  NonFiniteForm non_finite = NonFiniteForm::strings;
  // Reads an object that stands for a string, such as {"b64": "AAE="}; null: objects are refused.
  bool (*string_object)(Cursor& in, std::string& value) = nullptr;
};

// Reads the list, or the single element, at the cursor, and leaves the cursor behind it. Reads it twice, so that memory
// is taken for the elements that are there and not for those that a shape claims. False on a fault, which the cursor
// reports.
bool read_tensor(Cursor& in, const Wanted& wanted, Tensor& tensor);

// Reads a list of sizes, each from 0 on and no more than max_rank of them. False on a fault, which the cursor reports.
bool read_shape(Cursor& in, Dims& dims);

// Whether tensors of the type can be written as lists. Those that the Open Inference Protocol has no name for, the
// types of fewer than 16 bits (tensor/small.hpp), have only our own: "f8e5m2".
bool has_form(DType type);

// The types that have a form in JSON, under the names of the Open Inference Protocol ("FP32").
std::optional<DType> type_of_v2(std::string_view name);
std::string_view v2_name(DType type);  // empty: the protocol does not have it

}  // namespace modelctl::json
