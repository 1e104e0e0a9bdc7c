// Finds the tests of the suite on disk.
#include "conformance/suite.hpp"

#include "base/files.hpp"
#include "base/json.hpp"

#include <fmt/core.h>
#include <fnmatch.h>

#include <algorithm>
#include <span>

namespace modelctl::conformance {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> numbered(const std::string& prefix) {
  std::vector<fs::path> files;
  for (int i = 0;; ++i) {
    fs::path file = fmt::format("{}{}.pb", prefix, i);
    if (!fs::exists(file)) return files;
    files.push_back(file);
  }
}

// A test whose model.onnx and data sets have a folder of their own.
Result<Test> folder_test(const std::string& name, const fs::path& folder) {
  Test test{name, folder / "model.onnx", {}};
  for (int i = 0;; ++i) {
    fs::path data = folder / fmt::format("test_data_set_{}", i);
    if (!fs::exists(data)) break;
    test.data.push_back({numbered((data / "input_").string()), numbered((data / "output_").string())});
  }
  if (fs::exists(folder / "data.json")) {
    Json json = TRY(parse_json(TRY(read_text_file(folder / "data.json")), (folder / "data.json").string()));
    test.relative = json.value("rtol", test.relative);
    test.absolute = json.value("atol", test.absolute);
  }
  if (why_looser(name) != nullptr) test.absolute = looser_tolerance;
  return test;
}

struct Exception {
  const char* pattern;
  const char* reason;
};
// What no two implementations need agree on.
constexpr Exception shapes_only[] = {
    {"node/test_bernoulli*", "it draws at random, from a generator that the specification leaves open"},
    {"node/test_training_dropout", "what is dropped is drawn at random"},
    {"node/test_training_dropout_mask", "what is dropped is drawn at random"},
    {"node/test_training_dropout_default", "what is dropped is drawn at random"},
    {"node/test_training_dropout_default_mask", "what is dropped is drawn at random"},
};

// References that a computation in f32 gave, with its rounding where the specification's value is 0.
constexpr Exception looser[] = {
    {"node/test_dft_inverse*", "the reference has rounding of 1.5e-6 of its own"},
};

const char* reason_in(std::span<const Exception> table, const std::string& name) {
  for (const Exception& row : table) {
    if (::fnmatch(row.pattern, name.c_str(), 0) == 0) return row.reason;
  }
  return nullptr;
}

}  // namespace

Result<std::vector<Test>> find_tests(const fs::path& folder) {
  std::vector<Test> tests;
  std::error_code ignored;
  for (const char* suite : {"node", "pytorch-converted", "pytorch-operator", "simple", "light"}) {
    for (const auto& entry : fs::directory_iterator(folder / suite, ignored)) {
      fs::path path = entry.path();
      std::string name = fmt::format("{}/{}", suite, path.stem().string());
      if (fs::exists(path / "model.onnx")) {
        tests.push_back(TRY(folder_test(name, path)));
      } else if (path.extension() == ".onnx") {
        DataSet data{{}, numbered((folder / name).string() + "_output_"), true};
        tests.push_back({name, path, {std::move(data)}});
      }
    }
  }
  if (tests.empty()) {
    return Error(Kind::not_found, "no-tests",
                 fmt::format("cannot find a test in '{}': it should hold node, simple and others", folder.string()));
  }
  std::sort(tests.begin(), tests.end(), [](const Test& a, const Test& b) { return a.name < b.name; });
  return tests;
}

bool matches(const std::string& filter, const std::string& name) {
  if (filter.find('*') == std::string::npos) return name.find(filter) != std::string::npos;
  return ::fnmatch(filter.c_str(), name.c_str(), 0) == 0;
}

const char* why_shapes_only(const std::string& name) { return reason_in(shapes_only, name); }
const char* why_looser(const std::string& name) { return reason_in(looser, name); }

}  // namespace modelctl::conformance
