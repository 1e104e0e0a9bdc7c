// run: an artifact, once, from files to files.
#pragma once

#include "base/host.hpp"
#include "runtime/run_files.hpp"

namespace modelctl::actions {

struct RunRequest {
  std::filesystem::path artifact;   // empty: what modelctl.yaml names
  std::vector<std::string> inputs;  // [NAME=]FILE each; none, and no artifact: the first sample of modelctl.yaml
  std::filesystem::path output;     // a file or a folder; nothing is written where this is empty
  int threads = 0;                  // 0: the CPUs that the process may use
};

struct RunReport {
  std::vector<formats::NamedTensor> outputs;
  std::vector<std::filesystem::path> written;
  double load_seconds = 0;  // until the model was ready
  double run_seconds = 0;   // reading and writing the files included
};

Result<RunReport> run(const RunRequest& request, Host& host);

}  // namespace modelctl::actions
