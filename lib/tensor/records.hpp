// Records: data whose columns have names, such as a .csv file with a header or [{"age": 3, "city": "Paris"}, …]. Each
// column is the input of its name. Separate from the readers of formats/, because linked programs, which must stay
// small, do without it.
#pragma once

#include "tensor/formats.hpp"

namespace modelctl::formats {

// The inputs that the records hold, in the order of the columns; nothing if the content is not records of these inputs.
//
// A .csv file is one if a cell of its first row is the name of an input that takes one value per row, f32[n] or
// f32[n,1]. Columns that no input is named after are left out, with the warning surplus-columns, except `label`, which
// is left out silently. If no column is an input but one is the label, the others are the columns of the next input.
// A column of the name of any other input, or of one that takes files, may hold names of files, relative to the folder
// of the table: each is one row of that input, such as a recording or an image.
//
// A .json file is one if it is a list of objects, {"instances": list of objects}, one object after the other, as a
// .jsonl or .ndjson file, one object alone whose values are elements, or what the to_json() of pandas writes, with
// orient "records", "columns", "index" or "split". All records must have the same keys. A record is one row. A value
// may be a list if the input takes several values per row. If no key but the label is an input, the others are the
// columns of the next input, in the order of the first record, which is noted; they must be as many as that takes.
//
// In a column whose values may be missing (Expected::missing), an empty cell and null are NaN or an empty text.
//
// Fails with bad_input, code no-input-named, if the columns fit no input; as the readers of the formats do, and as
// load() does for the files of a table.
Result<std::vector<NamedTensor>> read_records(const Format& format, const Source& source, std::string_view label);

// The names of the columns of a .csv file with a header, or of records; empty if the content has none.
std::vector<std::string> column_names(const Format& format, const Source& source);

}  // namespace modelctl::formats
