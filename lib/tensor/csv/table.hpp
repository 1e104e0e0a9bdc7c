// The first pass over a CSV table: how large it is, and which of it is data. docs/reference/tensor-files.md documents
// how a header and an index column are recognized.
#pragma once

#include "tensor/csv/cells.hpp"
#include "tensor/formats.hpp"

namespace modelctl::csv {

struct Table {
  std::int64_t rows = 0, columns = 0;    // of data: without the header and the index column
  bool header = false;                   // the first row is not data
  bool index = false;                    // the first column is not data
  std::vector<std::string> names;        // of the columns of data; empty without a header
  bool numbers = true, integers = true;  // every cell of data is one; "1" in quotes is text
};

// Scans `text`, the content of `source`. Fails with bad_input if it is not a table, or if its cells are separated by
// something else than commas. Warns through the source's options of a header or an index that only looks like one.
Result<Table> scan(std::string_view text, const formats::Source& source);

// Whether columns of this name usually identify rows, and are not data: "id", "user_id", "index".
bool is_identifier(std::string_view name);

// "'a', 'b' and 7 more".
std::string listed(const std::vector<std::string>& names);

// The error for a line of the source, numbered from 1.
Error fault_in_line(const formats::Source& source, std::size_t line, std::string_view reason);

}  // namespace modelctl::csv
