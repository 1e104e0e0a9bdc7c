// The forms in which a JSON body carries the inputs of a model. Each protocol has names of its own for some of them.
#pragma once

#include "serve/formats/inputs.hpp"

#include <span>

namespace modelctl::serve {

enum class JsonForm {
  // The tensor of the only input, or an object with a tensor for each: {"x": [[1, 2], [3, 4]]}.
  columns,
  // A list of rows: of the only input's tensor, or objects with a value for each input: [{"x": [1, 2]}, {"x": [3, 4]}].
  rows,
  // One object with a value for each feature, or a list of them: {"age": 31, "city": "Paris"}.
  features,
  // A table as pandas writes it: {"columns": ["age", "city"], "data": [[31, "Paris"]]}.
  split,
  // The same with values by the keys of columns and rows: {"age": {"0": 31}, "city": {"0": "Paris"}}, or by row first.
  table,
  // Of split and columns, a table if the value is an object with "data", else columns.
  split_or_columns,
};

// A member of a body, and the form of its value.
struct FormKey {
  std::string_view key;
  JsonForm form;
};

struct JsonInputs {
  std::vector<Tensor> tensors;  // in the signature's order
  JsonForm form = JsonForm::columns;
};

// Whether a body may also carry the inputs without a member around them: a list of rows, an object of the inputs'
// names, one row of features, or a table of pandas.
enum class Bare { refused, allowed };

// Reads a body that is an object with exactly one of these members; what else it has is left alone.
//
// Features are the inputs of their names. If none is an input, and the model's only input takes as many values per row
// as there are features, they are its values in the order of the first row, or of the table's columns.
Result<JsonInputs> read_json_inputs(std::string_view body, std::span<const FormKey> keys, const LoadedModel& model,
                                    Bare bare = Bare::refused);

// One row after the other, as JSON lines are: objects of features, or values of the only input.
Result<std::vector<Tensor>> read_json_lines(std::string_view body, const LoadedModel& model);

// The shape that so many rows of so many values have for this input; nothing if it takes others.
std::optional<Dims> shape_of_rows(const artifact::Port& port, std::int64_t rows, std::int64_t values);

}  // namespace modelctl::serve
