// evaluate: computes labelled samples and says how good the answers are: the same as expected, and how often right.
#pragma once

#include "base/host.hpp"

#include <filesystem>
#include <optional>

namespace modelctl::actions {

struct EvaluateRequest {
  std::filesystem::path artifact;
  std::vector<std::string> inputs;    // [NAME=]FILE
  std::vector<std::string> expected;  // [NAME=]FILE: what the outputs should be
  std::filesystem::path labels;       // the right answer for each row of the first output; may be empty
  double tolerance = 1e-3;            // of a value: absolute, or relative where the value exceeds 1
  double min_accuracy = 0;            // of 1
  int threads = 0;                    // 0: one per CPU
};

struct EvaluateReport {
  struct Output {
    std::string name;
    std::uint64_t values = 0;
    std::uint64_t different = 0;  // beyond the tolerance
    double largest = 0;           // difference, as the tolerance measures it
  };
  std::vector<Output> outputs;  // those with an expectation
  std::uint64_t samples = 0, right = 0;
  std::optional<double> accuracy;  // where there are labels
  bool good = false;               // nothing differs, and the accuracy is high enough
};

Result<EvaluateReport> evaluate(const EvaluateRequest& request, Host& host);

}  // namespace modelctl::actions
