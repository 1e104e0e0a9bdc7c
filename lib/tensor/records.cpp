// The texts are read twice, first for their size and types. The values of a key of JSON are collected as the text of a
// list, which the one reader of JSON tensors reads.
#include "tensor/records.hpp"

#include "tensor/csv/table.hpp"
#include "tensor/files.hpp"
#include "tensor/json/tensor.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace modelctl::formats {
namespace {

bool takes_one_value(const Expected& input) {
  if (is_collection(input.type) || !input.dims || input.dims->empty()) return false;
  return element_count(DimsView(*input.dims).subspan(1)) == 1;
}

const Expected* input_named(const Source& source, std::string_view name) {
  auto found = std::find_if(source.expected.begin(), source.expected.end(),
                            [&](const Expected& input) { return input.name == name; });
  return found == source.expected.end() ? nullptr : &*found;
}

// A column that is asked for alone, as that of labels is, has no type yet: the others are not surplus then.
void warn_of_surplus(const std::vector<std::string>& names, const Source& source) {
  bool asks_for_one = source.expected.size() == 1 && source.expected[0].type == DType::undefined;
  if (names.empty() || asks_for_one || !source.options.warn) return;
  source.options.warn(Error(Kind::bad_input, "surplus-columns",
                            fmt::format("left out columns of '{}': {}", source.where, fmt::join(names, ", ")))
                          .because("the model has no inputs of these names"));
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
    std::vector<std::string> surplus;
    Group others{source_.find("")};
    bool has_label = false;
    for (std::size_t i = 0; i < header.size(); ++i) {
      std::string name(csv::trimmed(csv::unquoted(header[i])));
      const Expected* input = input_named(source_, name);
      bool files = input != nullptr && i < first.size() &&
                   (input->file || (!takes_one_value(*input) && format_of(csv::unquoted(first[i])).has_value()));
      if (input != nullptr && (files || takes_one_value(*input))) {
        bool twice =
            std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) { return group.input == input; });
        if (twice) return csv::fault_in_line(source_, 1, fmt::format("two columns have the name '{}'", name));
        groups_.push_back({input, {i}, files});
      } else if (!label_.empty() && name == label_) {
        has_label = true;
      } else if (!name.empty() && name != "Unnamed: 0") {  // an index, as pandas writes it
        surplus.push_back(name);
        others.columns.push_back(i);
      }
    }
    if (!groups_.empty()) warn_of_surplus(surplus, source_);
    else if (has_label && others.input != nullptr && !others.columns.empty()) groups_.push_back(std::move(others));
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
    std::vector<NamedTensor> tensors;
    bool maps = std::any_of(source_.expected.begin(), source_.expected.end(),
                            [](const Expected& input) { return input.type == DType::map; });
    if (maps || !find_first()) return tensors;
    do {
      if (!record()) return unreadable(source_.where, in_.fault());
    } while (lines_ ? !in_.at_end() : in_.eat(','));
    if (!lines_ && !in_.eat(']')) return unreadable(source_.where, "a ',' or ']' is expected after a record");
    return columns();
  }

 private:
  // Moves to the first record. False if there is none: the content has another form then, or is not JSON.
  bool find_first() {
    std::vector<json::Member> members;
    if (lines_) return in_.peek() == '{';
    if (in_.peek() == '{') {
      if (!in_.object(members)) return false;
      const json::Member* instances = json::find(members, "instances");
      lines_ = instances == nullptr && in_.peek() == '{';
      if (lines_) return in_.go_to(0);
      if (instances == nullptr) return false;
      in_.go_to(instances->at);
    }
    return in_.eat('[') && in_.peek() == '{';
  }

  bool record() {
    ++records_;
    std::string_view text = as_text(source_.bytes);
    bool same = true;
    bool good = in_.object([&](const std::string& key) {
      in_.peek();
      std::size_t start = in_.at();
      if (!in_.skip()) return false;
      auto [found, added] = index_.try_emplace(key, columns_.size());
      if (added) columns_.push_back({key, "", 0});
      Column* column = &columns_[found->second];
      column->list += column->list.empty() ? "[" : ",";
      std::string_view value = text.substr(start, in_.at() - start);
      const Expected* input = input_named(source_, key);
      if (value == "null" && input != nullptr && input->missing) value = is_float(input->type) ? "\"NaN\"" : "\"\"";
      column->list += value;
      same = same && ++column->values == records_;
      return true;
    });
    for (const Column& column : columns_) same = same && column.values == records_;
    if (good && !same) return in_.fail(fmt::format("record {} has other keys than those before it", records_));
    return good;
  }

  Result<std::vector<NamedTensor>> columns() {
    std::vector<NamedTensor> tensors;
    std::vector<std::string> surplus;
    bool any = std::any_of(columns_.begin(), columns_.end(),
                           [&](const Column& column) { return input_named(source_, column.name) != nullptr; });
    bool has_label = !label_.empty() && index_.count(std::string(label_)) != 0;
    if (const Expected* next = source_.find(""); !any && has_label && next != nullptr && columns_.size() > 1) {
      tensors.push_back({next->name, TRY(joined(*next))});
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
      bool nested = column.list.size() > 1 && column.list[1] == '[';
      if (input != nullptr && takes_one_value(*input) && !nested) {
        wanted.shape = *input->dims;
        (*wanted.shape)[0] = records_;
      }
      tensors.push_back({column.name, TRY(values_of(column, wanted))});
    }
    warn_of_surplus(surplus, source_);
    return tensors;
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

}  // namespace modelctl::formats
