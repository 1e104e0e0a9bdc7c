// The official ONNX backend test suite on disk: a folder of suites, a folder of tests in each, a model with
// one or more data sets in each of those.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace modelctl::conformance {

struct DataSet {
  std::vector<std::filesystem::path> inputs;  // TensorProto, SequenceProto, … by the kind of the model's input
  std::vector<std::filesystem::path> outputs;
  bool ramp = false;  // no files of inputs: each is 0/n, 1/n, … (n-1)/n, as the suite makes those of its light models
};

struct Test {
  std::string name;  // "node/test_abs"
  std::filesystem::path model;
  std::vector<DataSet> data;
  double relative = 1e-3, absolute = 1e-7;

  std::string suite() const { return name.substr(0, name.find('/')); }
};

// Every test below the folder, by name. Fails if there is none.
Result<std::vector<Test>> find_tests(const std::filesystem::path& folder);

// Whether a filter of the command line means the test: a part of its name, or all of it with '*' for any text.
bool matches(const std::string& filter, const std::string& name);

// Why only element types and shapes of a test's outputs are compared; null if the elements are compared too.
const char* why_shapes_only(const std::string& name);
// Why a test's floats may differ by looser_tolerance, or null.
inline constexpr double looser_tolerance = 2e-6;
const char* why_looser(const std::string& name);

}  // namespace modelctl::conformance
