// The cells of a CSV text, as in RFC 4180: one row per line, separated by commas, quotes doubled within quotes. Cells
// are views of the text and are not copied, so a table of gigabytes is read without holding it twice.
#pragma once

#include "tensor/element_text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::csv {

struct Cell {
  std::string_view text;  // as in the file, without the enclosing quotes
  bool quoted = false;
  bool doubled = false;  // contains "" for "
};

// The value of a cell that is text.
std::string unquoted(const Cell& cell);

// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

// Parses a cell as an element of `type`, with the additional forms of CSV: a leading '+', NaN and infinities in any
// case, as NumPy and pandas write them, bools as words or digits.
Parsed parse_cell(const Cell& cell, DType type, void* element);

// Splits a text into rows.
class Rows {
 public:
  // Blank lines at the end of the text are not rows.
  explicit Rows(std::string_view text);

  bool at_end() const { return at_ == text_.size(); }
  std::size_t line() const { return line_; }  // lines read so far

  // Reads the next row. Returns what is wrong, or an empty string.
  std::string read(std::vector<Cell>& cells);

 private:
  std::string quoted(Cell& cell);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

}  // namespace modelctl::csv
