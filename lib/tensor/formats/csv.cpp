// CSV as in RFC 4180. A table has two dimensions. A model that expects another shape gets each row as one element of
// its first dimension: 64 columns fill f32[?,1,8,8], and one column (or one row) fills f32[?].
//
// The text is read twice: csv::scan finds rows, columns, header and types, so that the second pass can parse into a
// tensor of the final size without keeping the cells.
#include "tensor/csv/table.hpp"
#include "tensor/small.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::formats {
namespace {

constexpr NonFinite spelling{"nan", "inf", "-inf"};
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// The expected shape if the table fills it; otherwise the table's own shape, which check() then refuses.
Dims shape_of(const csv::Table& table, const Expected* expected) {
  Dims own{table.rows, table.columns};
  if (expected == nullptr || !expected->dims || expected->dims->size() == 2) return own;
  Dims dims = *expected->dims;
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

std::string why_not_parsed(const csv::Cell& cell, Parsed result, DType type) {
  std::string_view text = csv::trimmed(cell.text);
  if (text.empty()) return "it is empty";
  if (type == DType::boolean) return fmt::format("'{}' is not a bool", cell.text.substr(0, 40));
  return why_not(result, text, type);
}

// The second pass. Rows and cells are as in the first one, so only the values can be wrong.
Result<void> fill(Tensor& tensor, std::string_view content, const csv::Table& table, const Source& source) {
  csv::Rows rows(content);
  std::vector<csv::Cell> cells;
  if (table.header) rows.read(cells);
  auto* at = static_cast<std::byte*>(tensor.mutable_view().data);
  auto* text = static_cast<std::string*>(tensor.mutable_view().data);
  for (bool first = !table.header; !rows.at_end(); first = false) {
    std::size_t line = rows.line() + 1;
    rows.read(cells);
    for (std::size_t column = table.index ? 1 : 0; column < cells.size(); ++column) {
      if (tensor.type() == DType::string) {
        *text++ = csv::unquoted(cells[column]);
        continue;
      }
      Parsed result = csv::parse_cell(cells[column], tensor.type(), at);
      if (result != Parsed::good) {
        std::string reason = why_not_parsed(cells[column], result, tensor.type());
        std::size_t named = column - (table.index ? 1 : 0);
        std::string name = named < table.names.size() ? fmt::format(" '{}'", table.names[named]) : "";
        Error error = csv::fault_in_line(source, line, fmt::format("column {}{}: {}", column + 1, name, reason));
        if (first && source.options.header == CsvHeader::automatic)
          error.hint = "if this line is a header, give --header yes";
        else if (!name.empty() && (result == Parsed::no_number || result == Parsed::no_integer))
          error.hint = fmt::format("if{} is the label, leave it out, or name it: --label-column of 'evaluate'", name);
        return error;
      }
      at += bits(tensor.type()) / 8;
    }
  }
  return {};
}

// Whether the model states a shape, and it is this one.
bool fits(const Dims& dims, const std::optional<Dims>& expected) {
  return expected && std::ranges::equal(dims, *expected, [](auto have, auto want) { return want < 0 || have == want; });
}

bool is_number(const std::string& name) {
  double number = 0;
  return csv::parse_cell({name}, DType::f64, &number) == Parsed::good;
}

// The table as a type of fewer than 16 bits.
Result<Tensor> narrowed(const Tensor& table, DType type, const Source& source) {
  Tensor tensor(type, table.dims());
  std::int64_t at = 0;
  for (double value : table.as<double>()) {
    if (!set_small_element(type, tensor.mutable_view().data, at++, value))
      return unreadable(source.where, fmt::format("{} is not a value of {}", value, name(type)));
  }
  return tensor;
}

Result<std::vector<NamedTensor>> read(const Source& source) {
  std::string_view text = as_text(source.bytes);
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  // Refused and not guessed: text in Latin-1 would become other labels without a word. Old spreadsheets write it.
  if (!is_utf8(text)) return unreadable(source.where, "it is not UTF-8 text");
  csv::Table table = TRY(csv::scan(text, source));
  const Expected* expected = source.find("");
  DType type = expected != nullptr ? expected->type : DType::undefined;
  if (type == DType::undefined) type = !table.numbers ? DType::string : table.integers ? DType::i64 : DType::f64;
  if (type != DType::string && type != DType::boolean && !is_integer(type) && !is_float(type)) {
    return unreadable(source.where, fmt::format("{} has no form in CSV", name(type)));
  }
  std::vector<NamedTensor> tensors(1);
  Tensor& tensor = tensors[0].tensor;
  tensor = Tensor(is_small(type) ? DType::f64 : type, shape_of(table, expected));
  TRY(fill(tensor, text, table, source));
  // Which column is which, only the user can check: the model has no names for them.
  bool by_order = table.header && table.columns > 1 && expected != nullptr && fits(tensor.dims(), expected->dims);
  if (by_order && source.options.note && !std::ranges::all_of(table.names, is_number)) {
    source.options.note(fmt::format("took '{}' as '{}': its columns are {}, in this order", source.where,
                                    expected->name, csv::listed(table.names)));
  }
  if (is_small(type)) tensor = TRY(narrowed(tensor, type, source));
  return tensors;
}

// Quotes a string if reading it back plainly would not give the same string.
void print_string(std::string& out, const std::string& text) {
  bool plain = text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with(byte_order_mark);
  if (plain && !text.empty() && csv::trimmed(text) == text) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

// Any text that is not JSON. Binary files have a zero byte near their beginning.
bool recognizes(std::string_view content) {
  std::size_t first = content.find_first_not_of(" \t\r\n");
  if (first == content.npos || content[first] == '[' || content[first] == '{') return false;
  bool printable = content[first] >= ' ' && content[first] <= '~';
  bool text = printable || content.starts_with(byte_order_mark);
  return text && content.substr(0, 64).find('\0') == content.npos;
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
      {".csv", "one table, one row per element of the first dimension", false, read, write, recognizes, "text/csv"}};
  return table;
}

}  // namespace modelctl::formats
