// A file of lines is not a format of tensors: a label may hold commas, and models do not take or write such files.
#include "actions/labels.hpp"

#include "actions/compare.hpp"
#include "base/files.hpp"
#include "base/suggest.hpp"
#include "tensor/element_text.hpp"
#include "tensor/files.hpp"
#include "tensor/records.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <set>

namespace modelctl::actions {
namespace {

Error no_labels(const std::string& where) {
  return Error(Kind::bad_input, "no-labels", "cannot read labels: the file is empty").at(where);
}

Result<Labels> read_lines(const std::filesystem::path& file) {
  std::string text = TRY(read_text_file(file));
  if (!is_utf8(text)) return formats::unreadable(file.string(), "it is not UTF-8 text");
  Labels labels;
  labels.where = file.string();
  bool numbers = true;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    at = end + 1;
    double number = 0;
    numbers = numbers && parse_element(line, DType::f64, &number) == Parsed::good;
    labels.numbers.push_back(number);
    labels.texts.push_back(std::move(line));
  }
  if (labels.texts.empty()) return no_labels(labels.where);
  labels.rows = labels.texts.size();
  if (numbers) labels.texts.clear();
  else labels.numbers.clear();
  return labels;
}

}  // namespace

Result<Labels> labels_of(const Tensor& tensor, const std::string& where) {
  Labels labels;
  labels.where = where;
  std::int64_t all = is_collection(tensor.type()) ? 0 : tensor.view().elements();
  if (all == 0) return no_labels(where);
  bool text = tensor.type() == DType::string;
  std::int64_t rows = tensor.dims().size() == 2 ? tensor.dims()[0] : all;
  if (text) rows = all;
  if (tensor.dims().size() > 2 || (text && tensor.dims().size() == 2 && tensor.dims()[1] != 1)) {
    return Error(Kind::bad_input, "wrong-shape",
                 fmt::format("cannot read labels: they are {}", describe(tensor.type(), tensor.dims())))
        .at(where)
        .help("give one label for each row");
  }
  labels.rows = static_cast<std::size_t>(rows);
  labels.columns = static_cast<std::size_t>(all / rows);
  if (text) {
    auto values = tensor.view().as<std::string>();
    labels.texts.assign(values.begin(), values.end());
  } else {
    labels.numbers = TRY(numbers(tensor.view(), where));
  }
  return labels;
}

namespace {

// The file, with the names of its columns, if it has such.
struct Loaded {
  std::vector<formats::NamedTensor> tensors;
  std::vector<std::string> columns;
};

Result<Loaded> load_table(const std::filesystem::path& file, std::span<const formats::Expected> expected,
                          formats::ReadOptions options) {
  Loaded loaded;
  auto read = std::move(options.records);
  options.records = [&](const formats::Format& format, const formats::Source& source) {
    loaded.columns = formats::column_names(format, source);
    return read ? read(format, source) : Result<std::vector<formats::NamedTensor>>();
  };
  loaded.tensors = TRY(formats::load(file, expected, options));
  return loaded;
}

Result<Labels> read_column(const std::filesystem::path& file, const formats::ReadOptions& options,
                           const std::string& column) {
  formats::Expected wanted{.name = column, .dims = Dims{-1}};
  auto loaded = TRY(load_table(file, {&wanted, 1}, options));
  for (const formats::NamedTensor& named : loaded.tensors) {
    if (named.name == column) return labels_of(named.tensor, file.string());
  }
  std::string help = "give a .csv file with a header that has it, or records in a .json file";
  if (!loaded.columns.empty()) help = fmt::format("its columns are: {}", fmt::join(loaded.columns, ", "));
  if (std::string meant = nearest(column, loaded.columns); !meant.empty())
    help = fmt::format("did you mean '{}'?", meant);
  return Error(Kind::not_found, "no-such-column", fmt::format("cannot find the column '{}'", column))
      .at(file.string())
      .help(std::move(help));
}

}  // namespace

Result<Labels> read_labels(const std::filesystem::path& file, const formats::ReadOptions& options,
                           const std::string& column) {
  if (!column.empty()) return read_column(file, options, column);
  const bool is_file = file != formats::standard_stream && !formats::is_literal(file.string());
  if (is_file && !formats::format_of(file.string())) return read_lines(file);
  auto [tensors, columns] = TRY(load_table(file, {}, options));
  bool one = tensors.size() == 1 && (tensors[0].tensor.type() != DType::string || columns.size() < 2);
  if (columns.size() > 1 && !one) {
    return Error(Kind::bad_input, "no-label-column", "cannot read labels: which column has them is not known")
        .at(file.string())
        .because(fmt::format("its columns are: {}", fmt::join(columns, ", ")))
        .help("name the column: --label-column NAME");
  }
  if (tensors.size() > 1) {
    return Error(Kind::bad_input, "not-one-tensor", "cannot read labels")
        .at(file.string())
        .because(fmt::format("the file holds {} tensors", tensors.size()));
  }
  if (tensors.empty()) return no_labels(file.string());
  Labels labels = TRY(labels_of(tensors.front().tensor, file.string()));
  if (labels.columns > 1 && columns.size() >= labels.columns) labels.names = std::move(columns);
  return labels;
}

Result<std::vector<std::string>> read_classes(const std::filesystem::path& file) {
  Labels labels = TRY(read_labels(file));
  for (double number : labels.numbers) labels.texts.push_back(class_name(number));
  std::set<std::string_view> seen;
  for (const std::string& name : labels.texts) {
    if (seen.insert(name).second) continue;
    return Error(Kind::bad_input, "repeated-class",
                 fmt::format("cannot read names of classes: '{}' stands twice", name))
        .at(file.string());
  }
  return std::move(labels.texts);
}

std::string class_name(double number) { return fmt::format("{}", number); }

}  // namespace modelctl::actions
