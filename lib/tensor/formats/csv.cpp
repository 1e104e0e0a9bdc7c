// CSV as in RFC 4180: one row per line, cells separated by commas, quotes doubled within quotes. A first row without
// any number above rows of numbers is a header and is skipped. NaN and infinity are "nan", "inf" and "-inf" in any
// case, as NumPy and pandas write them.
//
// A table has two dimensions. A model that expects another shape gets each row as one element of its first dimension:
// 64 columns fill f32[?,1,8,8], and one column (or one row) fills f32[?].
//
// The file is scanned twice: the first pass finds rows, columns, header and types, so that the second one can parse
// into a tensor of the final size without keeping the cells.
#include "tensor/formats.hpp"

#include "tensor/element_text.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::formats {
namespace {

constexpr NonFinite spelling{"nan", "inf", "-inf"};
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// A cell as a view of the text. It is unquoted only when it is used, which is never for numbers.
struct Cell {
  std::string_view text;  // as in the file, without the enclosing quotes
  bool quoted = false;
  bool doubled = false;  // contains "" for "
};

// Splits a text into rows of cells, which are views of the text.
class Rows {
 public:
  explicit Rows(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t line() const { return line_; }

  // Reads the next row. Returns what is wrong, or an empty string.
  std::string read(std::vector<Cell>& cells) {
    cells.clear();
    while (true) {
      Cell cell;
      if (at_ < text_.size() && text_[at_] == '"') {
        if (std::string fault = quoted(cell); !fault.empty()) return fault;
      } else {
        std::size_t end = std::min(text_.find_first_of(",\n\"", at_), text_.size());
        if (end < text_.size() && text_[end] == '"') return "a cell without quotes contains a quote";
        cell.text = text_.substr(at_, end - at_);
        if ((end == text_.size() || text_[end] == '\n') && cell.text.ends_with('\r')) cell.text.remove_suffix(1);
        at_ = end;
      }
      cells.push_back(cell);
      if (at_ == text_.size() || text_[at_] == '\n') break;
      ++at_;  // the comma
    }
    if (at_ < text_.size()) ++at_;
    ++line_;
    return {};
  }

 private:
  // Finds the closing quote. A quoted cell may contain line feeds, so the line number advances by those too.
  std::string quoted(Cell& cell) {
    cell.quoted = true;
    std::size_t start = ++at_;
    while (true) {
      at_ = text_.find('"', at_);
      if (at_ == std::string_view::npos) {
        at_ = text_.size();
        return "a quote is not closed";
      }
      if (!text_.substr(at_ + 1).starts_with('"')) break;
      cell.doubled = true;
      at_ += 2;
    }
    cell.text = text_.substr(start, at_ - start);
    line_ += static_cast<std::size_t>(std::count(cell.text.begin(), cell.text.end(), '\n'));
    ++at_;
    if (text_.substr(at_).starts_with("\r\n")) ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') return "something follows a closing quote";
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

// Compares ignoring ASCII case. Setting bit 5 also equates some punctuation, which no compared word contains.
bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::string_view trimmed(std::string_view text) {
  std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(from, text.find_last_not_of(" \t") + 1 - from);
}

// Parses a cell as an element of `type`, with the additional forms of CSV: a leading '+', NaN and infinities, bools as
// words or digits.
Parsed parse_cell(const Cell& cell, DType type, void* element) {
  std::string_view text = trimmed(cell.text);
  if (type == DType::boolean) {
    bool yes = same_word(text, "true") || text == "1";
    if (!yes && !same_word(text, "false") && text != "0") return Parsed::no_number;
    *static_cast<bool*>(element) = yes;
    return Parsed::good;
  }
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::string_view word = text.starts_with('-') ? text.substr(1) : text;
  int sign = text.starts_with('-') ? -1 : 1;
  if (same_word(word, "nan") && set_non_finite(type, 0, element)) return Parsed::good;
  if ((same_word(word, "inf") || same_word(word, "infinity")) && set_non_finite(type, sign, element)) {
    return Parsed::good;
  }
  return parse_element(text, type, element);
}

// Each pair of quotes stands for one (RFC 4180, section 2, rule 7).
std::string unquoted(const Cell& cell) {
  std::string text(cell.text);
  if (!cell.doubled) return text;
  for (std::size_t at = text.find("\"\""); at != std::string::npos; at = text.find("\"\"", at + 1)) text.erase(at, 1);
  return text;
}

// The result of the first pass: everything except the values.
struct Table {
  std::int64_t rows = 0, columns = 0;
  bool header = false;
  bool numbers = true, integers = true;  // every cell is one
};

class TableReader {
 public:
  explicit TableReader(const Source& source)
      : source_(source), expected_(source.find("")), text_(as_text(source.bytes)) {
    if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
  }

  Result<Tensor> read() {
    // Refused and not guessed: text in Latin-1 would become other labels without a word. Old spreadsheets write it.
    if (!is_utf8(text_)) return unreadable(source_.where, "it is not UTF-8 text");
    Table table = TRY(scan());
    DType type = expected_ != nullptr ? expected_->type : DType::undefined;
    if (type == DType::undefined) type = !table.numbers ? DType::string : table.integers ? DType::i64 : DType::f64;
    Dims dims = shape(table);
    if (type != DType::string && type != DType::boolean && (bits(type) < 8 || !(is_integer(type) || is_float(type)))) {
      return unreadable(source_.where, fmt::format("{} has no form in CSV", name(type)));
    }
    Tensor tensor(type, std::move(dims));
    TRY(fill(tensor, table));
    return tensor;
  }

 private:
  Error fault(std::size_t line, std::string reason) const {
    return unreadable(source_.where, fmt::format("line {}: {}", line, reason));
  }

  // Whether the first row is a header is decided at the end, when the types of the other rows are known.
  Result<Table> scan() {
    Table table;
    Rows rows(text_);
    std::vector<Cell> cells;
    bool numbers_in_first = true;
    for (std::int64_t row = 0; !rows.at_end(); ++row) {
      std::size_t line = rows.line() + 1;
      if (std::string reason = rows.read(cells); !reason.empty()) return fault(line, std::move(reason));
      auto columns = static_cast<std::int64_t>(cells.size());
      if (row == 0) table.columns = columns;
      if (columns != table.columns) {
        return fault(line, fmt::format("it has {} cells, but the first line has {}", columns, table.columns));
      }
      bool numbers = true, none = true;
      for (const Cell& cell : cells) {
        // A quoted cell is text even if it reads like a number, such as an identifier with leading zeros.
        double number = 0;
        std::int64_t integer = 0;
        bool is_number = !cell.quoted && parse_cell(cell, DType::f64, &number) == Parsed::good;
        numbers = numbers && is_number;
        none = none && !is_number && !trimmed(cell.text).empty();
        if (row > 0 || is_number) {
          table.integers = table.integers && parse_cell(cell, DType::i64, &integer) == Parsed::good;
        }
      }
      if (row == 0) {
        numbers_in_first = numbers;
        table.header = none;
      } else {
        table.numbers = table.numbers && numbers;
      }
      ++table.rows;
    }
    if (table.rows == 0) return unreadable(source_.where, "it is empty");
    table.header = table.header && is_header(table);
    if (table.header) --table.rows;
    else table.numbers = table.numbers && numbers_in_first;
    return table;
  }

  // If numbers are expected, a first row of words is a header. If strings are expected, nothing distinguishes a header
  // from data, so it is one only if it is the input's name.
  bool is_header(const Table& table) const {
    DType type = expected_ != nullptr ? expected_->type : DType::undefined;
    if (type == DType::boolean) {
      std::vector<Cell> cells;
      Rows(text_).read(cells);
      bool value = false;
      return std::all_of(cells.begin(), cells.end(),
                         [&](const Cell& cell) { return parse_cell(cell, type, &value) != Parsed::good; });
    }
    if (type != DType::string) return type != DType::undefined || (table.numbers && table.rows > 1);
    std::vector<Cell> cells;
    Rows(text_).read(cells);
    return cells.size() == 1 && !expected_->name.empty() && unquoted(cells[0]) == expected_->name;
  }

  // The expected shape if the table fills it; otherwise the table's own shape, which check() then refuses.
  Dims shape(const Table& table) const {
    Dims own{table.rows, table.columns};
    if (expected_ == nullptr || !expected_->dims || expected_->dims->size() == 2) return own;
    Dims dims = *expected_->dims;
    std::int64_t all = table.rows * table.columns;
    if (dims.empty()) return all == 1 ? dims : own;
    if (dims.size() == 1) return table.columns == 1 || table.rows == 1 ? Dims{all} : own;
    std::optional<std::int64_t> row = element_count(DimsView(dims).subspan(1));
    if (row && *row == table.columns) {
      dims[0] = table.rows;
      return dims;
    }
    return own;
  }

  // The second pass. Rows and cells are as in the first one, so only the values can be wrong.
  Result<void> fill(Tensor& tensor, const Table& table) {
    Rows rows(text_);
    std::vector<Cell> cells;
    if (table.header) rows.read(cells);
    auto* at = static_cast<std::byte*>(tensor.mutable_view().data);
    auto* text = static_cast<std::string*>(tensor.mutable_view().data);
    while (!rows.at_end()) {
      std::size_t line = rows.line() + 1;
      rows.read(cells);
      for (std::size_t column = 0; column < cells.size(); ++column) {
        if (tensor.type() == DType::string) {
          *text++ = unquoted(cells[column]);
          continue;
        }
        Parsed result = parse_cell(cells[column], tensor.type(), at);
        if (result != Parsed::good) {
          std::string reason = trimmed(cells[column].text).empty() ? "it is empty"
                               : tensor.type() == DType::boolean
                                   ? fmt::format("'{}' is not a bool", cells[column].text.substr(0, 40))
                                   : why_not(result, trimmed(cells[column].text), tensor.type());
          return fault(line, fmt::format("column {}: {}", column + 1, reason));
        }
        at += bits(tensor.type()) / 8;
      }
    }
    return {};
  }

  const Source& source_;
  const Expected* expected_;
  std::string_view text_;
};

Result<std::vector<NamedTensor>> read(const Source& source) {
  std::vector<NamedTensor> tensors(1);
  tensors[0].tensor = TRY(TableReader(source).read());
  return tensors;
}

// Quotes a string if reading it back plainly would not give the same string.
void print_string(std::string& out, const std::string& text) {
  bool plain = text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with(byte_order_mark);
  if (plain && !text.empty() && trimmed(text) == text) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

// An empty tensor has no rows from which its shape could be read back, so it is refused.
Result<std::vector<std::byte>> write(std::span<const NamedTensor> tensors) {
  TensorView tensor = tensors[0].tensor.view();
  std::string out;
  // A vector is written as a column; a tensor of more than two dimensions as one row per element of the first one.
  std::int64_t columns = 1;
  for (std::size_t axis = 1; axis < tensor.rank(); ++axis) columns *= tensor.dim(axis);
  if (tensor.elements() == 0) {
    return Error(Kind::unsupported, "unsupported-type",
                 fmt::format("cannot write {} to a .csv file: it has no elements",
                             modelctl::describe(tensor.type, tensor.dims)));
  }
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    if (tensor.type == DType::string) {
      print_string(out, tensor.as<std::string>()[static_cast<std::size_t>(i)]);
    } else if (!print_element(out, tensor, i, spelling)) {
      return Error(Kind::unsupported, "unsupported-type",
                   fmt::format("cannot write {} to a .csv file", name(tensor.type)));
    }
    out += (i + 1) % columns == 0 ? '\n' : ',';
  }
  ByteSpan bytes = as_bytes(out);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

}  // namespace

std::span<const Format> csv_format() {
  static constexpr Format table[] = {
      {".csv", "one table, one row per element of the first dimension", false, read, write}};
  return table;
}

}  // namespace modelctl::formats
