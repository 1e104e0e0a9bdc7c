// evaluate: runs a model on samples and reports how good its outputs are: whether they are as expected, and the metrics
// of its predictions against labels.
#pragma once

#include "actions/compare.hpp"
#include "actions/model_source.hpp"
#include "actions/quality.hpp"
#include "tensor/formats.hpp"

#include <filesystem>
#include <optional>

namespace modelctl::actions {

// What a metric of quality.hpp must reach to be good.
struct Bound {
  std::string metric;
  double value = 0;
  bool is_minimum = true;  // false: the metric must not exceed the value
};

struct EvaluateRequest {
  ModelSource model;
  std::vector<std::string> inputs;    // [NAME=]INPUT; nothing: the samples of modelctl.yaml, if they are of this model
  std::vector<std::string> expected;  // [NAME=]INPUT: what the outputs should be
  std::filesystem::path labels;       // what is right for each row of an output; may be empty
  std::string label_column;           // of the labels or, without those, of the one file of all inputs; may be empty
  std::filesystem::path classes;      // names of the classes, by index; may be empty
  std::optional<Task> task;           // nothing: it is recognized
  std::optional<double> tolerance;    // of --expect; compare.hpp
  std::vector<Bound> bounds;
  int threads = 0;                                            // 0: one per CPU
  formats::CsvHeader header = formats::CsvHeader::automatic;  // of .csv files
};

struct EvaluateReport {
  std::vector<Comparison> outputs;  // those with an expectation
  std::optional<Quality> quality;   // if there are labels
  std::vector<Bound> missed;        // of the request's
  bool good = false;                // nothing differs, and nothing is missed
};

// Wrong predictions are a report with `good` false, not an error. Fails with usage, code nothing-to-evaluate, if no
// sample has an expectation, and code no-such-metric for a bound of a metric that the task does not have; with
// not_found or bad_input if a file does not fit the model's outputs (codes no-such-output, wrong-count, not-one-tensor,
// and those of labels.hpp and quality.hpp); else as reading the files and running the model do.
Result<EvaluateReport> evaluate(const EvaluateRequest& request, Host& host);

}  // namespace modelctl::actions
