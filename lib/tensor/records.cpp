// The texts are read twice, first for their size and types. The values of a key of JSON are collected as the text of a
// list, which the one reader of JSON tensors reads.
#include "tensor/records.hpp"

#include "base/suggest.hpp"
#include "tensor/csv/table.hpp"
#include "tensor/element_text.hpp"
#include "tensor/files.hpp"
#include "tensor/json/tensor.hpp"
#include "tensor/rows.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

namespace modelctl::formats {
namespace {

bool has_rows(const Expected& input) { return !is_collection(input.type) && input.dims && !input.dims->empty(); }

bool takes_one_value(const Expected& input) {
  return has_rows(input) && element_count(DimsView(*input.dims).subspan(1)) == 1;
}

// Whether a row of the input has as many values, or any number.
bool takes_width(const Expected& input, std::size_t columns) {
  if (!input.dims) return true;
  if (input.dims->empty()) return false;
  auto row = DimsView(*input.dims).subspan(1);
  bool any_width = row.size() == 1 && row[0] < 0;
  return any_width || element_count(row) == static_cast<std::int64_t>(columns);
}

const Expected* input_named(const Source& source, std::string_view name) {
  auto found = std::find_if(source.expected.begin(), source.expected.end(),
                            [&](const Expected& input) { return input.name == name; });
  return found == source.expected.end() ? nullptr : &*found;
}

// "did you mean 'age' and not 'Age'?" for the first column that looks like an input without one; empty if none does.
std::string misspelled(const std::vector<std::string>& columns, const std::vector<std::string>& found,
                       const Source& source) {
  std::vector<std::string> missing;
  for (const Expected& input : source.expected) {
    if (std::find(found.begin(), found.end(), input.name) == found.end()) missing.push_back(input.name);
  }
  for (const std::string& column : columns) {
    std::string meant = nearest(column, missing);
    if (!meant.empty()) return fmt::format("did you mean '{}' and not '{}'?", meant, column);
  }
  return "";
}

// A column that is asked for alone, as that of labels is, has no type yet: the others are not surplus then.
void warn_of_surplus(const std::vector<std::string>& names, const std::vector<std::string>& found,
                     const Source& source) {
  bool asks_for_one = source.expected.size() == 1 && source.expected[0].type == DType::undefined;
  if (names.empty() || asks_for_one || !source.options.warn) return;
  source.options.warn(Error(Kind::bad_input, "surplus-columns",
                            fmt::format("left out columns of '{}': {}", source.where, fmt::join(names, ", ")))
                          .because("the model has no inputs of these names")
                          .help(misspelled(names, found, source)));
}

void note_order(const std::vector<std::string>& columns, const Expected& input, const Source& source) {
  if (!source.options.note || input.type == DType::undefined) return;
  source.options.note(fmt::format("took '{}' as '{}': its columns are {}, in this order", source.where, input.name,
                                  csv::listed(columns)));
}

// `columns`: all but the label, which is empty if none was named.
Error no_input_named(const Source& source, const std::vector<std::string>& columns, std::string_view label) {
  Error error = Error(Kind::bad_input, "no-input-named",
                      fmt::format("cannot use '{}': its columns do not fit the model's inputs", source.where))
                    .at(std::string(source.where))
                    .because(fmt::format("its columns are {}", csv::listed(columns)));
  std::string help = misspelled(columns, {}, source);
  std::vector<std::string> inputs;
  for (const Expected& input : source.expected) inputs.push_back(input.name);
  if (help.empty() && inputs.size() > 1) help = fmt::format("name them as the inputs: {}", csv::listed(inputs));
  if (!help.empty()) return std::move(error).help(std::move(help));
  error.why.push_back(
      fmt::format("they are {}, and '{}' is {}", columns.size(), inputs[0], describe(source.expected[0])));
  auto identifier = std::find_if(columns.begin(), columns.end(), csv::is_identifier);
  if (identifier == columns.end() && !label.empty()) return error;
  if (identifier == columns.end())
    return std::move(error).help("if one of them is the label, give --label-column NAME");
  return std::move(error)
      .because(fmt::format("'{}' seems to identify the rows", *identifier))
      .help(fmt::format("leave out that column: drop(columns=\"{}\") in pandas", *identifier));
}

// The shape of rows of this many values: the input's if they fill it, else that of a table.
Dims row_dims(const Expected& input, std::int64_t rows, std::int64_t values) {
  Dims dims{rows, values};
  if (!input.dims || input.dims->empty()) return dims;
  Dims expected = *input.dims;
  expected[0] = rows;
  return element_count(expected) == element_count(dims) ? expected : dims;
}

// The columns of a table that become one tensor.
struct Group {
  const Expected* input = nullptr;
  std::vector<std::size_t> columns;
  bool files = false;                    // the cells are names of files
  bool numbers = true, integers = true;  // every cell is one
};

// The files that a column names, read one by one, as the rows of one tensor. A warning is given for the first file of
// all for which it is, since the others of a set are usually like it.
class FileRows {
 public:
  FileRows(const Source& source, const Expected& input)
      : input_(input),
        folder_(std::filesystem::path(std::string(source.where)).parent_path()),
        options_(source.options) {
    options_.records = {};
    options_.note = {};
    if (source.options.warn) {
      options_.warn = [this, &source](const Error& warning) {
        if (warned_.insert(warning.code).second) source.options.warn(warning);
      };
    }
  }

  FileRows(const FileRows&) = delete;
  FileRows& operator=(const FileRows&) = delete;

  Result<void> add(const std::string& name) {
    std::string file = (folder_ / name).string();
    auto loaded = TRY(load(file, {&input_, 1}, options_));
    if (loaded.size() != 1) return unreadable(file, fmt::format("it holds {} tensors", loaded.size()));
    Tensor row = std::move(loaded.front().tensor);
    if (options_.convert) row = TRY(options_.convert(std::move(row), input_, file));
    TRY(check(row, input_, file));
    bool is_row = !row.dims().empty() && row.dims()[0] == 1 && (input_.file || bits(row.type()) >= 8);
    if (!is_row)
      return unreadable(file, fmt::format("it is {}, which is not one row", describe(row.type(), row.dims())));
    if (rows_.empty()) first_ = file;
    if (!rows_.empty() && (row.dims() != rows_[0].dims() || row.type() != rows_[0].type())) {
      return unreadable(file, fmt::format("it is {}, but '{}' is {}", describe(row.type(), row.dims()), first_,
                                          describe(rows_[0].type(), rows_[0].dims())))
          .help("the rows of one run must have the same size: give the others in another run");
    }
    rows_.push_back(std::move(row));
    return {};
  }

  Tensor finish() const {
    Dims dims = rows_[0].dims();
    dims[0] = static_cast<std::int64_t>(rows_.size());
    Tensor all(rows_[0].type(), dims);
    if (all.type() == DType::string) {
      std::transform(rows_.begin(), rows_.end(), all.mutable_view().as<std::string>().begin(),
                     [](const Tensor& row) { return row.as<std::string>()[0]; });
      return all;
    }
    auto* at = static_cast<std::byte*>(all.mutable_view().data);
    std::size_t size = byte_size(rows_[0].type(), rows_[0].dims()).value_or(0);
    for (const Tensor& row : rows_) {
      std::memcpy(at, row.view().data, size);
      at += size;
    }
    return all;
  }

 private:
  const Expected& input_;
  std::filesystem::path folder_;
  ReadOptions options_;
  std::set<std::string> warned_;
  std::string first_;
  std::vector<Tensor> rows_;
};

class Table {
 public:
  Table(const Source& source, std::string_view label) : source_(source), label_(label), text_(as_text(source.bytes)) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
  }

  // The cells of the first row, unless one of them is a number.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    std::vector<csv::Cell> header;
    csv::Rows rows(text_);
    double number = 0;
    if (source_.options.header == CsvHeader::no || !is_utf8(text_) || !rows.read(header).empty()) return all;
    for (const csv::Cell& cell : header) {
      if (parse_cell(cell, DType::f64, &number) == Parsed::good) return {};
      all.emplace_back(csv::trimmed(csv::unquoted(cell)));
    }
    return all;
  }

  Result<std::vector<NamedTensor>> read() {
    std::vector<NamedTensor> tensors;
    csv::Rows rows(text_);
    std::vector<csv::Cell> header, first;
    if (source_.options.header == CsvHeader::no || !is_utf8(text_) || !rows.read(header).empty()) return tensors;
    if (!rows.at_end()) rows.read(first);
    TRY(assign(header, first));
    if (groups_.empty()) return tensors;
    TRY(scan(header.size()));
    return fill();
  }

 private:
  Result<void> assign(const std::vector<csv::Cell>& header, const std::vector<csv::Cell>& first) {
    std::vector<std::string> surplus, found;
    Group others{source_.find("")};
    bool has_label = false, numbers = false;
    for (std::size_t i = 0; i < header.size(); ++i) {
      std::string name(csv::trimmed(csv::unquoted(header[i])));
      const Expected* input = input_named(source_, name);
      double number = 0;
      numbers = numbers || parse_cell(header[i], DType::f64, &number) == Parsed::good;
      bool files = input != nullptr && i < first.size() &&
                   (input->file || (!takes_one_value(*input) && format_of(csv::unquoted(first[i])).has_value()));
      if (input != nullptr && (files || takes_one_value(*input))) {
        bool twice =
            std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) { return group.input == input; });
        if (twice) return csv::fault_in_line(source_, 1, fmt::format("two columns have the name '{}'", name));
        groups_.push_back({input, {i}, files});
        found.push_back(name);
      } else if (!label_.empty() && name == label_) {
        has_label = true;
      } else if (!name.empty() && name != "Unnamed: 0") {  // an index, as pandas writes it
        surplus.push_back(name);
        others.columns.push_back(i);
      }
    }
    // As data of one input such a table would be refused for its shape.
    bool as_columns =
        others.input != nullptr && others.input->type != DType::undefined && takes_one_value(*others.input);
    if (groups_.empty() && as_columns && !numbers && surplus.size() > 1)
      return no_input_named(source_, surplus, label_);
    if (!groups_.empty()) warn_of_surplus(surplus, found, source_);
    else if (has_label && others.input != nullptr && !others.columns.empty()) {
      if (others.input->type != DType::undefined && !takes_width(*others.input, others.columns.size()))
        return no_input_named(source_, surplus, label_);
      note_order(surplus, *others.input, source_);
      groups_.push_back(std::move(others));
    }
    return {};
  }

  Result<void> scan(std::size_t width) {
    csv::Rows rows(text_);
    std::vector<csv::Cell> cells;
    rows.read(cells);
    for (; !rows.at_end(); ++rows_) {
      std::size_t line = rows.line() + 1;
      if (std::string reason = rows.read(cells); !reason.empty()) return csv::fault_in_line(source_, line, reason);
      if (cells.size() != width) {
        return csv::fault_in_line(source_, line,
                                  fmt::format("it has {} cells, but the first line has {}", cells.size(), width));
      }
      for (Group& group : groups_) {
        if (group.files) continue;
        for (std::size_t column : group.columns) {
          const csv::Cell& cell = cells[column];
          double number = 0;
          std::int64_t integer = 0;
          group.numbers = group.numbers && !cell.quoted && parse_cell(cell, DType::f64, &number) == Parsed::good;
          group.integers = group.integers && parse_cell(cell, DType::i64, &integer) == Parsed::good;
        }
      }
    }
    if (rows_ == 0) return unreadable(source_.where, "it has a header, but no rows");
    return {};
  }

  // A tensor of the final size, not filled yet.
  Result<Tensor> empty(const Group& group) const {
    DType type = group.input->type;
    if (type == DType::undefined) type = !group.numbers ? DType::string : group.integers ? DType::i64 : DType::f64;
    if (type != DType::string && type != DType::boolean && (bits(type) < 8 || !(is_integer(type) || is_float(type))))
      return unreadable(source_.where, fmt::format("{} has no form in CSV", name(type)));
    return Tensor(type, row_dims(*group.input, rows_, static_cast<std::int64_t>(group.columns.size())));
  }

  // All tensors are filled in one pass.
  Result<std::vector<NamedTensor>> fill() const {
    std::vector<NamedTensor> tensors;
    std::vector<std::byte*> next;  // the element of each tensor
    std::map<std::size_t, FileRows> files;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const Group& group = groups_[i];
      if (group.files) files.try_emplace(i, source_, *group.input);
      tensors.push_back({group.input->name, group.files ? Tensor() : TRY(empty(group))});
      next.push_back(group.files ? nullptr : static_cast<std::byte*>(tensors.back().tensor.mutable_view().data));
    }
    csv::Rows rows(text_);
    std::vector<csv::Cell> cells;
    rows.read(cells);
    while (!rows.at_end()) {
      std::size_t line = rows.line() + 1;
      rows.read(cells);
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        for (std::size_t column : groups_[i].columns) {
          if (groups_[i].files) TRY(files.at(i).add(csv::unquoted(cells[column])));
          else TRY(put(cells[column], *groups_[i].input, tensors[i].tensor.type(), next[i], line, column));
        }
      }
    }
    for (const auto& [i, rows] : files) tensors[i].tensor = rows.finish();
    return tensors;
  }

  // Stores the cell and advances to the next element.
  Result<void> put(const csv::Cell& cell, const Expected& input, DType type, std::byte*& at, std::size_t line,
                   std::size_t column) const {
    if (type == DType::string) {
      *reinterpret_cast<std::string*>(at) = csv::unquoted(cell);
      at += sizeof(std::string);
      return {};
    }
    bool missing = input.missing && csv::trimmed(cell.text).empty() && set_non_finite(type, 0, at);
    if (Parsed result = missing ? Parsed::good : csv::parse_cell(cell, type, at); result != Parsed::good) {
      std::string_view text = csv::trimmed(cell.text);
      std::string reason = text.empty() ? "it is empty" : why_not(result, text, type);
      return csv::fault_in_line(source_, line, fmt::format("column {}: {}", column + 1, reason));
    }
    at += bits(type) / 8;
    return {};
  }

  const Source& source_;
  std::string_view label_, text_;
  std::vector<Group> groups_;
  std::int64_t rows_ = 0;
};

// The values of one key, as the text of a list.
struct Column {
  std::string name, list;
  std::int64_t values = 0;
};

class Objects {
 public:
  // `lines`: one record after the other is the only form, and one record alone is not another one.
  Objects(const Source& source, std::string_view label, bool lines)
      : source_(source), label_(label), in_(as_text(source.bytes)), lines_(lines) {}

  Result<std::vector<NamedTensor>> read() {
    Form form = find_form();
    if (form == Form::other) return std::vector<NamedTensor>();
    TRY(parse(form));
    return columns();
  }

  // The names of the columns; empty if the content has another form.
  std::vector<std::string> names() {
    std::vector<std::string> all;
    Form form = find_form();
    if (form == Form::other || !parse(form)) return all;
    for (const Column& column : columns_) all.push_back(column.name);
    return all;
  }

 private:
  // What the content is: a list of records, one record after the other, or one alone; or a table as the to_json() of
  // pandas writes it with orient "columns" (its default), "index", "split" or "table".
  enum class Form { other, list, lines, record, by_column, by_row, split, schema };

  Result<void> parse(Form form) {
    if (form == Form::schema) {
      return unreadable(source_.where, "it is a table that pandas wrote with its schema")
          .help("write it with to_json(orient=\"records\")");
    }
    bool good = form == Form::list     ? list()
                : form == Form::lines  ? lines()
                : form == Form::record ? record()
                : form == Form::split  ? split()
                : form == Form::by_row ? by_row()
                                       : by_column();
    if (!good) return unreadable(source_.where, in_.fault());
    return {};
  }

  // Moves to the first value of the form. The content may also have another form, or not be JSON.
  Form find_form() {
    bool collections = std::any_of(source_.expected.begin(), source_.expected.end(),
                                   [](const Expected& input) { return is_collection(input.type); });
    if (collections) return Form::other;
    if (lines_) return in_.peek() == '{' ? Form::lines : Form::other;
    if (in_.peek() == '{') {
      std::vector<json::Member> members;
      std::size_t start = in_.at();
      if (!in_.object(members)) return Form::other;
      const json::Member* instances = json::find(members, "instances");
      if (instances == nullptr) {
        char next = in_.peek();
        in_.go_to(start);
        return next == '{' ? Form::lines : next == '\0' ? form_of(members) : Form::other;
      }
      in_.go_to(instances->at);
    }
    std::size_t start = in_.at();
    bool records = in_.eat('[') && in_.peek() == '{';
    in_.go_to(start);
    return records ? Form::list : Form::other;
  }

  char first_of(const json::Member& member) {
    std::size_t here = in_.at();
    in_.go_to(member.at);
    char first = in_.peek();
    in_.go_to(here);
    return first;
  }

  // The form of an object that is all of the content. Tensors by name are another form.
  Form form_of(const std::vector<json::Member>& members) {
    auto all = [&](auto&& is) { return !members.empty() && std::all_of(members.begin(), members.end(), is); };
    const json::Member* data = json::find(members, "data");
    for (auto [other, begin, form] :
         {std::tuple("columns", '[', Form::split), std::tuple("schema", '{', Form::schema)}) {
      const json::Member* member = json::find(members, other);
      if (data != nullptr && member != nullptr && first_of(*data) == '[' && first_of(*member) == begin) return form;
    }
    auto is_element = [&](const json::Member& member) { return first_of(member) != '[' && first_of(member) != '{'; };
    if (all(is_element)) {
      bool tensor = data != nullptr && (json::find(members, "datatype") || json::find(members, "shape"));
      bool fits = all([&](const json::Member& member) {
        const Expected* input = input_named(source_, member.key);
        return input == nullptr || (has_rows(*input) && !input->file);
      });
      return fits && !tensor && !source_.expected.empty() ? Form::record : Form::other;
    }
    if (!all([&](const json::Member& member) { return first_of(member) == '{'; })) return Form::other;
    std::vector<json::Member> inner;
    std::size_t start = in_.at();
    in_.go_to(members.front().at);
    bool table = in_.object(inner) && !inner.empty() && json::find(inner, "data") == nullptr &&
                 std::all_of(inner.begin(), inner.end(), is_element);
    in_.go_to(start);
    if (!table) return Form::other;
    bool rows = names_columns(inner) || (is_index(members) && !is_index(inner) && !names_columns(members));
    return rows ? Form::by_row : Form::by_column;
  }

  bool names_columns(const std::vector<json::Member>& members) const {
    return std::any_of(members.begin(), members.end(), [&](const json::Member& member) {
      return input_named(source_, member.key) != nullptr || (!label_.empty() && member.key == label_);
    });
  }

  // Whether the keys may be the labels of rows.
  static bool is_index(const std::vector<json::Member>& members) {
    return std::all_of(members.begin(), members.end(), [](const json::Member& member) {
      std::int64_t number = 0;
      return parse_element(member.key, DType::i64, &number) == Parsed::good;
    });
  }

  bool list() {
    in_.eat('[');
    do {
      if (!record()) return false;
    } while (in_.eat(','));
    return in_.eat(']') || in_.fail("a ',' or ']' is expected after a record");
  }

  bool lines() {
    do {
      if (!record()) return false;
    } while (!in_.at_end());
    return true;
  }

  bool record() {
    ++records_;
    bool same = true;
    bool good = in_.object([&](const std::string& key) {
      Column& column = column_of(key);
      same = same && column.values + 1 == records_;
      return append(column);
    });
    for (const Column& column : columns_) same = same && column.values == records_;
    if (good && !same) return in_.fail(fmt::format("record {} has other keys than those before it", records_));
    return good;
  }

  // {"row": {"column": value, …}, …}
  bool by_row() {
    return in_.object([&](const std::string&) { return record(); });
  }

  // {"column": {"row": value, …}, …}
  bool by_column() {
    std::vector<std::string> index;
    return in_.object([&](const std::string& name) {
      Column& column = column_of(name);
      bool first = columns_.size() == 1, same = true;
      bool good = in_.object([&](const std::string& row) {
        auto at = static_cast<std::size_t>(column.values);
        if (first) index.push_back(row);
        else same = same && at < index.size() && index[at] == row;
        return append(column);
      });
      records_ = static_cast<std::int64_t>(index.size());
      if (good && !(same && column.values == records_))
        return in_.fail(fmt::format("the column '{}' has other rows than the first one", name));
      return good;
    });
  }

  // {"columns": [name, …], "data": [[value, …], …]}
  bool split() {
    std::vector<json::Member> members;
    std::size_t width = 0;
    in_.object(members);
    in_.go_to(json::find(members, "columns")->at);
    in_.eat('[');
    while (in_.peek() != ']') {
      std::string name;
      std::size_t start = in_.at();
      if (in_.peek() == '"' ? !in_.string(name) : !in_.skip()) return false;
      if (name.empty()) name = as_text(source_.bytes).substr(start, in_.at() - start);  // pandas numbers columns
      if (++width; index_.count(name) != 0) return in_.fail(fmt::format("the name '{}' stands twice", name));
      column_of(name);
      if (!in_.eat(',')) break;
    }
    if (!in_.eat(']')) return in_.fail("a ',' or ']' is expected");
    in_.go_to(json::find(members, "data")->at);
    in_.eat('[');
    while (in_.peek() != ']') {
      ++records_;
      if (!in_.eat('[')) return in_.fail("a row, a list, is expected");
      for (std::size_t i = 0; i < width; ++i) {
        if (i > 0 && !in_.eat(',')) return in_.fail(fmt::format("the row does not have {} values", width));
        if (!append(columns_[i])) return false;
      }
      if (!in_.eat(']')) return in_.fail(fmt::format("the row does not have {} values", width));
      if (!in_.eat(',')) break;
    }
    return in_.eat(']') || in_.fail("a ',' or ']' is expected");
  }

  Column& column_of(const std::string& name) {
    auto [found, added] = index_.try_emplace(name, columns_.size());
    if (added) columns_.push_back({name, "", 0});
    return columns_[found->second];
  }

  // Appends the value at the cursor.
  bool append(Column& column) {
    in_.peek();
    std::size_t start = in_.at();
    if (!in_.skip()) return false;
    column.list += column.list.empty() ? '[' : ',';
    std::string_view value = as_text(source_.bytes).substr(start, in_.at() - start);
    const Expected* input = input_named(source_, column.name);
    if (value == "null" && input != nullptr && input->missing) value = is_float(input->type) ? "\"NaN\"" : "\"\"";
    column.list += value;
    ++column.values;
    return true;
  }

  Result<std::vector<NamedTensor>> columns() {
    std::vector<NamedTensor> tensors;
    if (records_ == 0) return unreadable(source_.where, "it has no rows");
    std::vector<std::string> features, surplus;
    for (const Column& column : columns_) {
      if (label_.empty() || column.name != label_) features.push_back(column.name);
    }
    bool any = std::any_of(features.begin(), features.end(),
                           [&](const std::string& name) { return input_named(source_, name) != nullptr; });
    const Expected* next = source_.find("");
    if (!any && next != nullptr && next->type != DType::undefined && !features.empty()) {
      if (!takes(*next, features.size())) return no_input_named(source_, features, label_);
      tensors.push_back({next->name, TRY(joined(*next))});
      note_order(features, *next, source_);
      return tensors;
    }
    for (Column& column : columns_) {
      const Expected* input = input_named(source_, column.name);
      if (input == nullptr && any) {
        if (column.name != label_) surplus.push_back(column.name);
        continue;
      }
      json::Wanted wanted;
      if (input != nullptr && input->type != DType::undefined) wanted.type = input->type;
      if (input != nullptr && takes_one_value(*input) && !is_nested(column)) {
        wanted.shape = *input->dims;
        (*wanted.shape)[0] = records_;
      }
      Tensor tensor = TRY(values_of(column, wanted));
      if (input != nullptr) tensor = as_rows(std::move(tensor), *input);
      tensors.push_back({column.name, std::move(tensor)});
    }
    warn_of_surplus(surplus, features, source_);
    return tensors;
  }

  static bool is_nested(const Column& column) { return column.list.size() > 1 && column.list[1] == '['; }

  // Whether as many columns can be this input. Where each of several inputs takes one value, their names count.
  bool takes(const Expected& input, std::size_t columns) const {
    if (is_collection(input.type) || input.file) return false;
    if (takes_one_value(input)) return columns == 1 && source_.expected.size() == 1;
    return takes_width(input, columns);
  }

  Result<Tensor> values_of(Column& column, const json::Wanted& wanted) const {
    column.list += ']';
    json::Cursor list(column.list);
    Tensor tensor;
    if (json::read_tensor(list, wanted, tensor)) return tensor;
    std::string reason = list.fault();
    reason.erase(0, reason.find(": ") + 2);  // the place is one in the list
    return unreadable(source_.where, fmt::format("the values of '{}': {}", column.name, reason));
  }

  // The keys without the label as the columns of one input, each with one value in a record, as in a table.
  Result<Tensor> joined(const Expected& input) {
    DType type = input.type == DType::undefined ? DType::f64 : input.type;
    const json::Wanted wanted{type, Dims{records_}};
    std::vector<Tensor> columns;
    for (Column& column : columns_) {
      if (column.name != label_) columns.push_back(TRY(values_of(column, wanted)));
    }
    Tensor all(type, row_dims(input, records_, static_cast<std::int64_t>(columns.size())));
    auto* to = static_cast<std::byte*>(all.mutable_view().data);
    for (std::int64_t record = 0; record < records_; ++record) {
      for (const Tensor& column : columns) {
        if (type == DType::string) {
          *reinterpret_cast<std::string*>(to) = column.as<std::string>()[static_cast<std::size_t>(record)];
          to += sizeof(std::string);
          continue;
        }
        std::size_t size = static_cast<std::size_t>(bits(type)) / 8;
        std::memcpy(to, static_cast<const std::byte*>(column.view().data) + static_cast<std::size_t>(record) * size,
                    size);
        to += size;
      }
    }
    return all;
  }

  const Source& source_;
  std::string_view label_;
  json::Cursor in_;
  bool lines_;
  std::int64_t records_ = 0;
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> index_;  // of the columns, by name
};

}  // namespace

Result<std::vector<NamedTensor>> read_records(const Format& format, const Source& source, std::string_view label) {
  if (format.extension == ".csv") return Table(source, label).read();
  bool lines = format.extension == ".jsonl" || format.extension == ".ndjson";
  if (lines || format.extension == ".json") return Objects(source, label, lines).read();
  return std::vector<NamedTensor>();
}

std::vector<std::string> column_names(const Format& format, const Source& source) {
  if (format.extension == ".csv") return Table(source, "").names();
  bool lines = format.extension == ".jsonl" || format.extension == ".ndjson";
  if (lines || format.extension == ".json") return Objects(source, "", lines).names();
  return {};
}

}  // namespace modelctl::formats
