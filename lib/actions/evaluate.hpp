// evaluate: computes labeled samples and says how good the answers are: the same as expected, and how often right.
#pragma once

#include "actions/compare.hpp"
#include "base/host.hpp"
#include "tensor/formats.hpp"

#include <filesystem>
#include <optional>

namespace modelctl::actions {

struct EvaluateRequest {
  std::filesystem::path artifact;     // empty: what modelctl.yaml names
  std::vector<std::string> inputs;    // [NAME=]FILE; no files: the samples of modelctl.yaml, if they are of this model
  std::vector<std::string> expected;  // [NAME=]FILE: what the outputs should be
  std::filesystem::path labels;       // the right answer for each row of the first output; may be empty
  double tolerance = default_tolerance;
  double min_accuracy = 0;                                    // of 1
  int threads = 0;                                            // 0: one per CPU
  formats::CsvHeader header = formats::CsvHeader::automatic;  // of .csv files
};

struct EvaluateReport {
  std::vector<Comparison> outputs;  // those with an expectation
  std::uint64_t samples = 0, right = 0;
  std::optional<double> accuracy;  // if there are labels
  bool good = false;               // nothing differs, and the accuracy is high enough
};

// Wrong answers are a report with `good` false, not an error. Fails with usage, code nothing-to-evaluate, if no sample
// has an expectation; with not_found or bad_input if a file does not fit the model's outputs (codes no-such-output,
// wrong-count, not-one-tensor, wrong-shape, no-labels); else as reading the files and running the model do.
Result<EvaluateReport> evaluate(const EvaluateRequest& request, Host& host);

}  // namespace modelctl::actions
