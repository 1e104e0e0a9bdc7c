// Classes are compared by name, so that the order in which models and files number them does not matter. What one float
// per row means shows only when all labels are known, so that decision is made at the end.
#include "actions/quality.hpp"

#include "actions/compare.hpp"
#include "base/suggest.hpp"
#include "tensor/element_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace modelctl::actions {
namespace {

bool is_whole(double value) { return value == std::floor(value) && std::isfinite(value); }

bool is_text(const Tensor& tensor) { return tensor.type() == DType::string; }

bool is_number(const std::string& text) {
  double value = 0;
  return parse_element(text, DType::f64, &value) == Parsed::good;
}

// Names sorted as scikit-learn sorts labels: by value if all are numbers.
std::vector<std::string> sorted(std::set<std::string> names) {
  std::vector<std::pair<double, std::string>> numbers;
  for (const std::string& name : names) {
    double value = 0;
    if (parse_element(name, DType::f64, &value) == Parsed::good) numbers.emplace_back(value, name);
  }
  if (numbers.size() != names.size()) return {names.begin(), names.end()};
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::string> all;
  for (auto& [value, name] : numbers) all.push_back(std::move(name));
  return all;
}

Error no_such_class(const std::string& what, const std::string& where) {
  return Error(Kind::bad_input, "no-such-class", what).at(where);
}

Error mixed(const std::string& where) {
  return Error(Kind::bad_input, "mixed-labels", "cannot evaluate all samples together")
      .at(where)
      .because("these labels or outputs have another form than those before");
}

// Whether the first dimension, which is the rows, fits as many labels. A model that takes one row at a time may return
// the scores of it alone.
bool has_rows(const Tensor& output, const artifact::Port& port, std::size_t labels) {
  bool fixed_scores = output.dims().size() == 1 && port.dims.size() == 1 && port.dims[0].size > 1;
  if (labels == 1 && (output.dims().empty() || fixed_scores)) return true;
  return !output.dims().empty() && output.dims()[0] == static_cast<std::int64_t>(labels);
}

}  // namespace

const Metric* Quality::find(std::string_view name) const {
  auto found = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& metric) { return metric.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

QualityMeter::QualityMeter(std::optional<Task> task, std::vector<std::string> classes, std::string where)
    : task_(task), classes_(std::move(classes)), where_(std::move(where)) {
  for (std::size_t i = 0; i < classes_.size(); ++i) index_.emplace(classes_[i], i);
}

Result<void> QualityMeter::add(const artifact::Signature& signature, const artifact::Metadata& metadata,
                               std::span<const Tensor> outputs, const Labels& given) {
  const Labels labels = TRY(resolved(given));
  auto output = outputs.begin();
  if (labels.is_text()) {
    auto text = std::find_if(outputs.begin(), outputs.end(), is_text);
    if (text != outputs.end()) output = text;
  }
  const auto at = static_cast<std::size_t>(output - outputs.begin());
  output_ = signature.outputs[at].name;
  auto values = is_text(*output) ? std::vector<double>() : TRY(numbers(output->view(), output_));
  auto all = static_cast<std::size_t>(output->view().elements());
  std::size_t width = has_rows(*output, signature.outputs[at], labels.rows) ? all / labels.rows : 0;
  bool ranks = artifact::meaning_of(metadata, artifact::Side::output, output_).content == artifact::Content::label;
  if (width == 0 || (labels.columns > 1 && width != labels.columns) || (is_text(*output) && width != 1 && !ranks)) {
    std::string amount = labels.columns == 1 ? fmt::format("{} labels", labels.rows)
                                             : fmt::format("{} rows of {} labels", labels.rows, labels.columns);
    Error error = Error(Kind::bad_input, "wrong-shape", fmt::format("cannot compare '{}' with {}", output_, amount))
                      .at(labels.where)
                      .because(fmt::format("the model returns {}, and its first dimension is the rows",
                                           describe(output->type(), output->dims())));
    if (labels.columns == 1 && labels.rows == all && output->dims().size() > 1) {
      return std::move(error).help(
          fmt::format("give one label for each row; for a regression of several numbers, rows of {} labels",
                      all / static_cast<std::size_t>(std::max<std::int64_t>(1, output->dims()[0]))));
    }
    if (!labels.names.empty()) {
      return std::move(error)
          .because(fmt::format("the columns of the labels are: {}", fmt::join(labels.names, ", ")))
          .help("if one of them has the labels, name it: --label-column NAME");
    }
    // A column of words looks like its own header.
    bool may_have_header = labels.columns == 1 && !output->dims().empty() &&
                           output->dims()[0] + 1 == static_cast<std::int64_t>(labels.rows);
    if (!may_have_header) return error;
    return std::move(error).help("if the first line is a header, name it: --label-column NAME");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) continue;
    return Error(Kind::bad_input, "nan-output",
                 fmt::format("cannot evaluate '{}': it is NaN in row {}", output_, i / width))
        .at(labels.where);
  }
  if (labels.is_text() && !is_text(*output) && classes_.empty()) {
    return Error(Kind::bad_input, "no-classes", fmt::format("cannot compare '{}' with labels of text", output_))
        .at(labels.where)
        .because(fmt::format("the model returns {}", describe(output->type(), output->dims())))
        .help("give --classes FILE with the name of each class, one per line");
  }
  if (is_text(*output)) {
    auto texts = output->view().as<std::string>();
    if (!labels.is_text() && classes_.empty() && std::none_of(texts.begin(), texts.end(), is_number)) {
      return Error(Kind::bad_input, "no-classes", fmt::format("cannot compare '{}' with labels of numbers", output_))
          .at(labels.where)
          .because(fmt::format("the model returns text, such as '{}'", texts.empty() ? "" : texts[0]))
          .help("give --classes FILE with the name of each class, one per line, or labels of text");
    }
    numeric_labels_ = numeric_labels_ || (!labels.is_text() && classes_.empty());
    return add_texts(texts, width, labels);
  }
  if (labels.columns == 1 && width > 1) return add_scores(values, width, labels);
  TRY(set_form(labels.columns > 1         ? Form::columns
               : is_float(output->type()) ? Form::number
                                          : Form::integer,
               labels.where));
  if (!labels_.empty() && labels_.front().columns != labels.columns) return mixed(labels.where);
  predicted_.insert(predicted_.end(), values.begin(), values.end());
  labels_.push_back(labels);
  return {};
}

// Of several labels in a row, the most probable class is the first.
Result<void> QualityMeter::add_texts(std::span<const std::string> predicted, std::size_t width, const Labels& labels) {
  TRY(set_form(Form::text, labels.where));
  for (std::size_t row = 0; row < labels.rows; ++row) {
    pairs_.emplace_back(TRY(label(labels, row)), TRY(known(predicted[row * width], "the model returns", labels.where)));
  }
  return {};
}

// Of equal values the first counts, as in ONNX's ArgMax and NumPy.
Result<void> QualityMeter::add_scores(const std::vector<double>& values, std::size_t width, const Labels& labels) {
  TRY(set_form(Form::scores, labels.where));
  if (!classes_.empty() && classes_.size() != width) {
    return no_such_class(fmt::format("cannot name the classes of '{}'", output_), where_)
        .because(fmt::format("the file has {} names, but each row has {} values", classes_.size(), width));
  }
  for (std::size_t row = 0; row < labels.rows; ++row) {
    double number = labels.is_text() ? 0 : labels.numbers[row];
    if (!is_whole(number) || number < 0 || number >= static_cast<double>(width)) {
      return no_such_class(fmt::format("cannot use the label {} in row {}", number, row), labels.where)
          .because(fmt::format("'{}' has {} values in each row, for the classes 0 to {}", output_, width, width - 1));
    }
    auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * width);
    auto largest = std::max_element(begin, begin + static_cast<std::ptrdiff_t>(width));
    pairs_.emplace_back(TRY(label(labels, row)), TRY(named(static_cast<double>(largest - begin), labels.where)));
  }
  return {};
}

bool QualityMeter::is_index(double number) const {
  return is_whole(number) && number >= 0 && number < static_cast<double>(classes_.size());
}

Result<Labels> QualityMeter::resolved(const Labels& labels) {
  if (labels.is_text() || labels.columns > 1 || classes_.empty() || task_ == Task::regression) return labels;
  const auto& numbers = labels.numbers;
  auto is_both = [&](double n) { return is_index(n) && is_name(n) && index_.at(class_name(n)) != std::size_t(n); };
  auto same = [&](double n) { return is_index(n) && classes_[std::size_t(n)] == class_name(n); };
  if (std::ranges::all_of(numbers, same)) return labels;
  bool names = std::ranges::all_of(numbers, [&](double n) { return is_name(n); });
  if (by_name_.value_or(names) != names) return mixed(labels.where);
  if (!by_name_ && std::ranges::any_of(numbers, is_both)) {
    warnings_.push_back(
        Error(Kind::bad_input, "numeric-classes",
              fmt::format("took the labels of '{}' for {} of classes", labels.where, names ? "names" : "indices"))
            .because(fmt::format("they are numbers, as names in '{}' are, {}", where_,
                                 names ? "and each is such a name" : "but not each is such a name"))
            .help("give names that are not numbers to tell them apart"));
  }
  by_name_ = names;
  if (!names) return labels;
  Labels named = labels;
  for (double number : numbers) named.texts.push_back(class_name(number));
  named.numbers.clear();
  return named;
}

Result<void> QualityMeter::set_form(Form form, const std::string& where) {
  if (form_ == Form::none) form_ = form;
  if (form_ == form) return {};
  return mixed(where);
}

Result<std::string> QualityMeter::label(const Labels& labels, std::size_t row) const {
  return labels.is_text() ? known(labels.texts[row], "the label is", labels.where)
                          : named(labels.numbers[row], labels.where);
}

Result<std::string> QualityMeter::named(double index, const std::string& where) const {
  if (classes_.empty()) return class_name(index);
  if (is_index(index)) return classes_[static_cast<std::size_t>(index)];
  return no_such_class(fmt::format("cannot find the class {}", index), where)
      .because(fmt::format("'{}' names {} classes, from 0", where_, classes_.size()));
}

Result<std::string> QualityMeter::known(const std::string& name, std::string_view what,
                                        const std::string& where) const {
  if (classes_.empty() || index_.contains(name)) return name;
  Error error = no_such_class(fmt::format("cannot find the class '{}'", name), where)
                    .because(fmt::format("{} '{}', which '{}' does not name", what, name, where_));
  if (std::string meant = nearest(name, classes_); !meant.empty())
    error.hint = fmt::format("did you mean '{}'?", meant);
  return error;
}

bool QualityMeter::all_labels(bool (*holds)(double)) const {
  return std::all_of(labels_.begin(), labels_.end(), [&](const Labels& labels) {
    return std::all_of(labels.numbers.begin(), labels.numbers.end(), holds);
  });
}

Task QualityMeter::recognized() const {
  bool classes = form_ == Form::text || form_ == Form::scores;
  if (form_ == Form::integer) classes = all_labels(is_whole);
  if (form_ == Form::number) classes = !classes_.empty() || all_labels([](double v) { return v == 0 || v == 1; });
  return classes ? Task::classification : Task::regression;
}

Result<std::optional<Quality>> QualityMeter::finish() && {
  if (form_ == Form::none) return std::nullopt;
  Task task = task_.value_or(recognized());
  bool numbers = form_ == Form::integer || form_ == Form::number || form_ == Form::columns;
  bool has_text = std::any_of(labels_.begin(), labels_.end(), [](const Labels& labels) { return labels.is_text(); });
  if (task == Task::regression ? !numbers || has_text : form_ == Form::columns) {
    return Error(Kind::usage, "wrong-task",
                 fmt::format("cannot evaluate '{}' as {}", output_,
                             task == Task::regression ? "a regression" : "a classification"))
        .because(task == Task::regression ? "there is not a number for each row and label"
                                          : "each row has several labels");
  }
  return task == Task::regression ? regress() : TRY(classify());
}

Result<Quality> QualityMeter::classify() {
  // What the model predicts stands for the same as the labels, if it can.
  bool names = by_name_.value_or(false) && std::ranges::all_of(predicted_, [&](double n) { return is_name(n); });
  std::size_t row = 0;
  for (const Labels& labels : labels_) {
    for (std::size_t i = 0; i < labels.rows; ++i) {
      double value = predicted_[row++];
      if (names) {
        pairs_.emplace_back(TRY(label(labels, i)), class_name(value));
        continue;
      }
      if (!is_whole(value) && !(value > 0 && value < 1)) {
        return Error(Kind::bad_input, "no-class", fmt::format("cannot take {} in '{}' for a class", value, output_))
            .because("it is neither a whole number nor a probability")
            .help("if the model predicts numbers, give --task regression");
      }
      pairs_.emplace_back(TRY(label(labels, i)), TRY(named(is_whole(value) ? value : value > 0.5, labels.where)));
    }
  }
  std::set<std::string> expected_names, predicted_names;
  for (const auto& [expected, predicted] : pairs_) {
    expected_names.insert(expected);
    predicted_names.insert(predicted);
  }
  bool apart = std::ranges::none_of(expected_names, [&](const auto& name) { return predicted_names.contains(name); });
  if (numeric_labels_ && apart) {
    warnings_.push_back(
        Error(Kind::bad_input, "numeric-classes", fmt::format("no label is a text that '{}' has", output_))
            .because(fmt::format("the labels are numbers, compared as they are written: '{}' and '{}'",
                                 *expected_names.begin(), *predicted_names.begin()))
            .help("if they are indices, give --classes FILE with the name of each class, one per line"));
  }
  Quality quality;
  quality.warnings = std::move(warnings_);
  quality.classes = classes_;
  if (classes_.empty()) {
    predicted_names.merge(expected_names);
    quality.classes = sorted(std::move(predicted_names));
    for (std::size_t i = 0; i < quality.classes.size(); ++i) index_.emplace(quality.classes[i], i);
  }
  for (const auto& [expected, predicted] : pairs_) quality.confusion.add(index_.at(expected), index_.at(predicted));
  quality.scores = statistics::classification(quality.confusion);
  quality.task = Task::classification;
  quality.output = output_;
  quality.rule = form_ == Form::scores   ? "the index of its largest value is the class"
                 : form_ == Form::number ? "it is the class, or the probability of class 1"
                                         : "it is the class";
  quality.samples = quality.scores.samples;
  const auto& [samples, right, accuracy, classes, macro, weighted] = quality.scores;
  quality.metrics = {
      {"accuracy", accuracy},      {"macro_precision", {macro.precision}},       {"macro_recall", {macro.recall}},
      {"macro_f1", macro.f1},      {"weighted_precision", {weighted.precision}}, {"weighted_recall", {weighted.recall}},
      {"weighted_f1", weighted.f1}};
  return quality;
}

Quality QualityMeter::regress() {
  std::vector<double> expected;
  for (const Labels& labels : labels_) expected.insert(expected.end(), labels.numbers.begin(), labels.numbers.end());
  auto result = statistics::regression(expected, predicted_, labels_.front().columns);
  Quality quality;
  quality.task = Task::regression;
  quality.output = output_;
  quality.rule = "it is the predicted number";
  quality.samples = result.samples;
  quality.metrics = {{"mae", result.mae}, {"rmse", result.rmse}, {"r2", result.r2}};
  quality.r2_defined = result.r2_defined;
  return quality;
}

}  // namespace modelctl::actions
