// Facts about the rows are collected first, in one pass; then they decide what is a header and what is an index. pandas
// names columns without names 0, 1, 2, …, so a header may consist of numbers.
#include "tensor/csv/table.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelctl::csv {
namespace {

using formats::CsvHeader;

// The character that separates several numbers in what should be one cell; 0 if there is none.
char separator_in(std::string_view text) {
  for (char separator : {';', '\t', '|', ' '}) {
    std::size_t numbers = 0, others = 0;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = std::min(text.find(separator, at), text.size());
      Cell part{trimmed(text.substr(at, end - at))};
      double number = 0;
      if (!part.text.empty()) ++(parse_cell(part, DType::f64, &number) == Parsed::good ? numbers : others);
      at = end + 1;
    }
    if (numbers > 1 && others == 0) return separator;
  }
  return 0;
}

std::string_view plural_of(char separator) {
  return separator == ';' ? "semicolons" : separator == '\t' ? "tabs" : separator == '|' ? "vertical bars" : "spaces";
}

// As pandas names an index: not at all, or "Unnamed: 0" after it was read back.
bool is_index_name(const std::string& name) { return name.empty() || name == "Unnamed: 0"; }

// What is true of the first row, or of all other rows together.
struct Facts {
  bool filled = false;                   // a cell is not empty
  bool has_number = false;               // without quotes
  bool quoted_number = false;            // a number in quotes, which may be text
  bool numbers = true, integers = true;  // each cell is one
  bool has_integer = false;
};

class Scan {
 public:
  Scan(std::string_view text, const formats::Source& source)
      : text_(text), source_(source), expected_(source.find("")) {
    if (expected_ != nullptr) type_ = expected_->type;
  }

  Result<Table> run() {
    TRY(read());
    if (count_ == 0) return formats::unreadable(source_.where, "it is empty");
    Table table;
    table.header = has_header();
    table.rows = count_ - (table.header ? 1 : 0);
    table.columns = columns();
    table.numbers = body_.numbers && (table.header || first_.numbers);
    table.integers = body_.integers && (table.header || first_.integers);
    if (table.header) table.names = first_row_;
    TRY(find_index(table));
    return table;
  }

 private:
  std::int64_t columns() const { return static_cast<std::int64_t>(first_row_.size()); }

  Result<void> read() {
    Rows rows(text_);
    std::vector<Cell> cells;
    for (; !rows.at_end(); ++count_) {
      std::size_t line = rows.line() + 1;
      if (std::string reason = rows.read(cells); !reason.empty()) return fault_in_line(source_, line, reason);
      if (count_ == 0) {
        for (const Cell& cell : cells) first_row_.push_back(unquoted(cell));
      }
      TRY(collect(cells, line));
      if (cells.size() != first_row_.size()) {
        return fault_in_line(
            source_, line, fmt::format("it has {} cells, but the first line has {}", cells.size(), first_row_.size()));
      }
      follow_index(cells.front());
      if (count_ == 1) {
        repeats_first_ = std::equal(cells.begin(), cells.end(), first_row_.begin(),
                                    [](const Cell& cell, const std::string& first) { return unquoted(cell) == first; });
      }
    }
    return {};
  }

  // Several numbers in one cell are refused: the cells are separated by another character then.
  Result<void> collect(const std::vector<Cell>& cells, std::size_t line) {
    Facts& facts = count_ == 0 ? first_ : body_;
    for (const Cell& cell : cells) {
      // A quoted cell is text even if it reads like a number, such as an identifier with leading zeros.
      double number = 0;
      std::int64_t integer = 0;
      bool parsed = parse_cell(cell, DType::f64, &number) == Parsed::good;
      if (char separator = parsed ? 0 : separator_in(cell.text); separator != 0 && !may_be_text(separator)) {
        return fault_in_line(source_, line,
                             fmt::format("its cells are separated by {}, not by commas", plural_of(separator)))
            .help(separator == ';' ? "separate them by commas and write decimal points: sep=',', decimal='.' in pandas"
                                   : "separate them by commas: sep=',' in pandas, delimiter=',' in NumPy");
      }
      facts.filled = facts.filled || !trimmed(cell.text).empty();
      facts.has_number = facts.has_number || (parsed && !cell.quoted);
      facts.quoted_number = facts.quoted_number || (parsed && cell.quoted);
      facts.numbers = facts.numbers && parsed && !cell.quoted;
      bool whole = parse_cell(cell, DType::i64, &integer) == Parsed::good;
      facts.integers = facts.integers && whole;
      facts.has_integer = facts.has_integer || whole;
    }
    return {};
  }

  // Whether a cell with this separator may be text. A table of an unknown type is one of text if it has several
  // columns.
  bool may_be_text(char separator) const {
    if (type_ == DType::undefined) return first_row_.size() > 1 || separator == ' ';
    return type_ == DType::string;
  }

  // Whether the first column counts the rows, from 0 or 1.
  void follow_index(const Cell& cell) {
    std::int64_t value = 0;
    bool integer = parse_cell(cell, DType::i64, &value) == Parsed::good;
    bool start = integer && (value == 0 || value == 1);
    if (count_ == 0) first_counts_ = start;
    if (count_ == 1) {
      first_counts_ = first_counts_ && integer && value == last_ + 1;
      body_counts_ = start;
    }
    if (count_ > 1) {
      first_counts_ = first_counts_ && integer && value == last_ + 1;
      body_counts_ = body_counts_ && integer && value == last_ + 1;
    }
    last_ = value;
  }

  bool has_header() const {
    if (source_.options.header != CsvHeader::automatic) return source_.options.header == CsvHeader::yes;
    if (type_ == DType::string) return has_text_header();
    if (type_ == DType::undefined && !(body_.numbers && count_ > 1)) return false;  // a table of text
    // Numbers in quotes are names only above numbers without.
    bool names = first_.filled && !first_.has_number && !(first_.quoted_number && body_.quoted_number);
    if (type_ == DType::boolean) return names && std::none_of(first_row_.begin(), first_row_.end(), is_bool);
    if (names) return true;
    if (count_ > 1 && ((is_index_name(first_row_[0]) && counts_from(1)) || (counts_from(0) && default_names())))
      return true;
    report_increasing_row();
    return false;
  }

  // Nothing distinguishes a header of texts from data, except the input's name. A warning reports where it may have
  // another case, or may be another name, which is a word.
  bool has_text_header() const {
    const std::string &first = first_row_[0], &name = expected_->name;
    if (columns() == 1 && !name.empty() && same_letters(first, name)) {
      if (first != name) {
        warn(Error(Kind::bad_input, "text-header",
                   fmt::format("took the first row of '{}', {}, for a header", source_.where, first))
                 .because(fmt::format("the input is called '{}'", name))
                 .help("give --header no if it is data, or --header yes to omit this warning"));
      }
      return true;
    }
    if (count_ > 1 && fixed_rows() != count_ && std::all_of(first_row_.begin(), first_row_.end(), is_word)) {
      warn(Error(Kind::bad_input, "text-header",
                 fmt::format("took the first row of '{}', {:.60}, for data", source_.where,
                             fmt::format("{}", fmt::join(first_row_, ", "))))
               .because(columns() == 1 && !name.empty()
                            ? fmt::format("only the name of the input, '{}', is a header of text", name)
                            : "nothing distinguishes a header of text from data")
               .help("give --header yes if it is a header, or --header no to omit this warning"));
    }
    return false;
  }

  static bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower_letter(x) == lower_letter(y); });
  }
  static char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

  // Whether the cell is like the name of a column: letters, digits and '_'.
  static bool is_word(std::string_view cell) {
    auto letter = [](char c) { return (lower_letter(c) >= 'a' && lower_letter(c) <= 'z') || c == '_'; };
    return !cell.empty() && letter(cell[0]) &&
           std::all_of(cell.begin(), cell.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
  }

  // What pandas writes as the header if some of its columns were taken, or named by numbers such as wavelengths, is a
  // row of increasing whole numbers above fractions. As a row of data it would be an accident, but may be one.
  void report_increasing_row() const {
    if (count_ < 2 || columns() < 2 || counts_from(0) || !first_.integers || body_.has_integer ||
        fixed_rows() == count_)
      return;
    std::int64_t before = 0, value = 0;
    for (std::size_t i = 0; i < first_row_.size(); ++i, before = value) {
      bool number = parse_cell({first_row_[i]}, DType::i64, &value) == Parsed::good;
      if (!number || (i > 0 && value <= before)) return;
    }
    warn(Error(Kind::bad_input, "numeric-header",
               fmt::format("took the first row of '{}', {}, …, {}, for data", source_.where, first_row_.front(), value))
             .because("only rows of 0, 1, 2 … are headers, but whole numbers that increase may be one where all below "
                      "are fractions")
             .help("give --header yes if it is a header, or --header no to omit this warning"));
  }

  // The number of rows that the model expects; -1 if it is not fixed.
  std::int64_t fixed_rows() const {
    return expected_ != nullptr && expected_->dims && !expected_->dims->empty() ? expected_->dims->front() : -1;
  }

  static bool is_bool(const std::string& text) {
    bool value = false;
    return parse_cell({text}, DType::boolean, &value) == Parsed::good;
  }

  // Whether the first row is 0, 1, 2, … from a column on.
  bool counts_from(std::size_t column) const {
    for (std::size_t i = column; i < first_row_.size(); ++i) {
      if (first_row_[i] != std::to_string(i - column)) return false;
    }
    return column < first_row_.size();
  }

  // Whether 0, 1, 2, … are names, as pandas gives them, or data. The number of rows that the model expects decides if
  // it is fixed; otherwise the rows below, and a warning reports it.
  bool default_names() const {
    std::int64_t rows = fixed_rows();
    if (rows == count_ || rows == count_ - 1) return rows == count_ - 1;
    if (repeats_first_) return false;
    bool header = !body_.integers || columns() > 2;
    std::string values = columns() == 1 ? "0" : columns() == 2 ? "0, 1" : fmt::format("0, 1, …, {}", columns() - 1);
    warn(Error(
             Kind::bad_input, "numeric-header",
             fmt::format("took the first row of '{}', {}, for {}", source_.where, values, header ? "a header" : "data"))
             .because(header ? "pandas gives these names to columns without names"
                             : "pandas gives such names to columns without names, but the rows below are integers too")
             .help(header ? "give --header no if it is data, or --header yes to omit this warning"
                          : "give --header yes if it is a header, or --header no to omit this warning"));
    return header;
  }

  // The number of columns that the model expects, if it is fixed.
  std::optional<std::int64_t> expected_columns() const {
    if (expected_ == nullptr || !expected_->dims) return std::nullopt;
    if (expected_->dims->size() < 2) return 1;
    return element_count(DimsView(*expected_->dims).subspan(1));
  }

  Result<void> find_index(Table& table) const {
    if (table.columns < 2) return {};
    auto wanted = expected_columns();
    bool one_too_many = wanted && *wanted == table.columns - 1;
    if (table.header && is_index_name(table.names[0])) {
      std::string name = table.names[0].empty() ? "it has no name" : fmt::format("its name is '{}'", table.names[0]);
      if (!wanted || one_too_many) {
        table.index = true;
        --table.columns;
        table.names.erase(table.names.begin());
        warn(Error(Kind::bad_input, "index-column", fmt::format("left out the first column of '{}'", source_.where))
                 .because(name + ", as the index of a table that pandas writes")
                 .help("to omit this warning, write the file without its index: index=False"));
      } else if (*wanted == table.columns) {
        warn(
            Error(Kind::bad_input, "index-column", fmt::format("took the first column of '{}' for data", source_.where))
                .because(
                    fmt::format("{}, as the index of a table that pandas writes, but the model expects all {} columns",
                                name, *wanted))
                .help("if it is an index, a column of data is missing"));
      }
      return {};
    }
    if (one_too_many && table.header) {
      auto identifier = std::find_if(table.names.begin(), table.names.end(), is_identifier);
      if (identifier != table.names.end()) {
        return formats::unreadable(source_.where, fmt::format("it has {} columns, and the model expects {}: '{}' seems "
                                                              "to identify the rows",
                                                              table.columns, *wanted, *identifier))
            .help(fmt::format("leave out that column: drop(columns=\"{}\") in pandas", *identifier));
      }
    }
    // One row alone counts nothing.
    bool counts = table.rows > 1 && (table.header ? body_counts_ : first_counts_);
    if (!one_too_many || !counts) return {};
    return formats::unreadable(source_.where, fmt::format("it has {} columns, and the model expects {}: the first one "
                                                          "counts the rows, as an index does",
                                                          table.columns, *wanted))
        .help("write it without the index: index=False in pandas");
  }

  void warn(const Error& warning) const {
    if (source_.options.warn) source_.options.warn(warning);
  }

  std::string_view text_;
  const formats::Source& source_;
  const formats::Expected* expected_;
  DType type_ = DType::undefined;

  std::int64_t count_ = 0;  // of rows
  std::vector<std::string> first_row_;
  Facts first_, body_;                               // body: all rows but the first
  bool repeats_first_ = false;                       // the second row is the same as the first
  bool first_counts_ = false, body_counts_ = false;  // the first column, with and without the first row
  std::int64_t last_ = 0;                            // its value in the row before
};

}  // namespace

Result<Table> scan(std::string_view text, const formats::Source& source) { return Scan(text, source).run(); }

bool is_identifier(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower == "id" || lower == "index" || lower == "uuid" || lower.ends_with("_id");
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    text += fmt::format("{}'{}'", i > 0 ? ", " : "", names[i]);
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

Error fault_in_line(const formats::Source& source, std::size_t line, std::string_view reason) {
  return formats::unreadable(source.where, fmt::format("line {}: {}", line, reason));
}

}  // namespace modelctl::csv
