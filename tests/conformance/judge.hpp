// One test of the suite: builds the model as `modelctl build` does, runs it and compares the outputs.
#pragma once

#include "conformance/suite.hpp"

#include <string>
#include <vector>

namespace modelctl::conformance {

enum class Verdict { passed, failed, refused };  // refused: the build said no, with a reason

struct Outcome {
  Verdict verdict = Verdict::failed;
  std::string reason;
  std::vector<std::string> operators;  // that the model uses, each once, nested graphs and functions included
  int opset = 0;                       // of the default domain
  double seconds = 0;
};

// Builds at each of these levels of optimization, keeping files in `scratch`; all must pass.
Outcome judge(const Test& test, const std::vector<int>& levels, const std::filesystem::path& scratch);

// An outcome on its way from process to process.
std::string to_text(const Outcome& outcome);
Outcome from_text(const std::string& text);

}  // namespace modelctl::conformance
