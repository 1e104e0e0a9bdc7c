// How well a model predicts labels: recognizes whether it classifies or predicts numbers, and computes the metrics of
// that task.
//
// | labels               | output                              | task                                            |
// |----------------------|-------------------------------------|-------------------------------------------------|
// | text                 | text (the first output that is)     | classification                                  |
// | text or whole number | several numbers per row             | classification: the index of the largest value  |
// | text or whole number | one integer or bool per row         | classification: the value                       |
// | 0 and 1, bool, text  | one float per row                   | classification: 1 above 0.5, or the value       |
// | other numbers        | one float per row                   | regression                                      |
// | several per row      | as many per row                     | regression, the mean over the columns           |
#pragma once

#include "actions/labels.hpp"
#include "artifact/meaning.hpp"
#include "artifact/plan.hpp"
#include "statistics/classification.hpp"
#include "statistics/regression.hpp"

#include <map>
#include <optional>
#include <span>

namespace modelctl::actions {

enum class Task { classification, regression };

struct Metric {
  std::string name;  // "accuracy"
  statistics::Estimate estimate;
};

struct Quality {
  Task task = Task::classification;
  std::string output;  // the name of the output that was compared
  std::string rule;    // how it was read: "the index of the largest value"
  std::uint64_t samples = 0;
  std::vector<Metric> metrics;  // of the task, in the order in which they are printed

  // Of a classification. Classes are in the order of their file, else sorted: numbers by value, texts by bytes.
  std::vector<std::string> classes;
  statistics::ConfusionMatrix confusion;  // by index in `classes`
  statistics::Classification scores;
  bool r2_defined = true;  // of a regression

  std::vector<Error> warnings;  // of decisions that the user may not expect

  // Null if the task does not have it.
  const Metric* find(std::string_view name) const;
};

class QualityMeter {
 public:
  // No task: it is recognized. `classes` may be empty; `where` is their file.
  QualityMeter(std::optional<Task> task, std::vector<std::string> classes, std::string where);

  // Adds the outputs of one run, in the order of the signature; the metadata are the plan's. Fails with bad_input:
  // codes wrong-shape, mixed-labels (not the same form as before), no-classes, no-such-class, nan-output, and as
  // numbers() of compare.hpp.
  Result<void> add(const artifact::Signature& signature, const artifact::Metadata& metadata,
                   std::span<const Tensor> outputs, const Labels& labels);

  // Nothing if nothing was added. Fails with bad_input, code no-class, if an output is not a class, and with usage,
  // code wrong-task, if the task is not possible with these outputs.
  Result<std::optional<Quality>> finish() &&;

 private:
  // What the outputs of a row are: a text, a score for each class, an integer, one float, or as many as there are
  // labels.
  enum class Form { none, text, scores, integer, number, columns };

  // What labels that are numbers stand for, if `classes` were given: names if each is the name of a class, else
  // indices.
  Result<Labels> resolved(const Labels& labels);
  Result<void> add_texts(std::span<const std::string> predicted, std::size_t width, const Labels& labels);
  Result<void> add_scores(const std::vector<double>& values, std::size_t width, const Labels& labels);
  Result<void> set_form(Form form, const std::string& where);
  // The class that a label, an index or a text of the model stands for.
  Result<std::string> label(const Labels& labels, std::size_t row) const;
  Result<std::string> named(double index, const std::string& where) const;
  Result<std::string> known(const std::string& name, std::string_view what, const std::string& where) const;
  bool all_labels(bool (*holds)(double)) const;
  bool is_name(double number) const { return index_.contains(class_name(number)); }
  bool is_index(double number) const;
  Task recognized() const;
  Result<Quality> classify();
  Quality regress();

  std::optional<Task> task_;
  std::vector<std::string> classes_;
  std::map<std::string, std::size_t> index_;  // of the classes
  std::string where_, output_;
  Form form_ = Form::none;
  std::optional<bool> by_name_;  // whether numbers that may be both are names of classes
  bool numeric_labels_ = false;  // of an output of text, compared as they are written
  std::vector<Error> warnings_;
  std::vector<std::pair<std::string, std::string>> pairs_;  // expected and predicted class
  // Of one number per row and of columns, whose task is decided at the end.
  std::vector<Labels> labels_;
  std::vector<double> predicted_;
};

}  // namespace modelctl::actions
