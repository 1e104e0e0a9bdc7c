// bench: how long a model takes to run.
#pragma once

#include "actions/model_source.hpp"
#include "tensor/formats.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace modelctl::actions {

struct BenchRequest {
  ModelSource model;
  std::vector<std::string> inputs;            // [NAME=]INPUT each; none: random ones, always the same
  std::map<std::string, std::int64_t> sizes;  // of the symbols, for random inputs; 1 if not given
  int threads = 0;                            // 0: the CPUs that the process may use
  double warm_up_seconds = 0.5;
  double seconds = 3;
  std::uint64_t runs = 0;  // if not 0: so many, however long that takes
  bool profile = false;
  formats::CsvHeader header = formats::CsvHeader::automatic;  // of .csv files
};

// All times in seconds.
struct BenchReport {
  struct Step {
    std::string label;
    std::string routine;
    double seconds;  // of one run, on average
    double share;    // of all steps
  };

  std::vector<std::string> inputs;  // "image f32[1,1,8,8]"
  int threads = 0;
  std::uint64_t runs = 0;
  double load = 0;   // from the file to a model that is ready
  double first = 0;  // the first run, which binds the shapes
  double mean = 0, least = 0, p5 = 0, p50 = 0, p90 = 0, p99 = 0;
  double per_second = 0;  // runs
  std::uint64_t arena_bytes = 0;
  std::vector<Step> steps;  // if a profile was asked for: the slowest first
};

// Fails with usage, code bad-option, for a symbol that no input has and for a random input of more than 64 GiB;
// otherwise with what loading or running the model fails with. Stopped by the user, it reports what it has measured so
// far, and at least one run: a measurement that was cut short is a result, not an error.
Result<BenchReport> bench(const BenchRequest& request, Host& host);

}  // namespace modelctl::actions
