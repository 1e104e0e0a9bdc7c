// run: a model, once, from files to files.
#pragma once

#include "actions/model_source.hpp"
#include "artifact/meaning.hpp"
#include "runtime/run_files.hpp"

namespace modelctl::actions {

struct RunRequest {
  ModelSource model;
  std::vector<std::string>
      inputs;                    // [NAME=]INPUT each; none: the first sample of modelctl.yaml, if it is of this model
  std::filesystem::path output;  // a file or a folder; nothing is written if this is empty
  int threads = 0;               // 0: the CPUs that the process may use
  // Keeps the states (outputs that continue inputs: a decoder's cache) from one run to the next. Where there is no such
  // file yet they begin: empty if they grow, with zeros if they keep their size. Empty: they are like any others.
  std::filesystem::path state = {};
  formats::CsvHeader header = formats::CsvHeader::automatic;  // of .csv files
  std::string label_column = {};  // of a table of inputs, which is left out; may be empty: that of modelctl.yaml
};

struct RunReport {
  std::vector<formats::NamedTensor> outputs;  // without the states that were kept
  artifact::Metadata metadata;                // of the plan: what the outputs mean (artifact/meaning.hpp)
  std::vector<std::filesystem::path> written;
  std::size_t states_kept = 0;
  double load_seconds = 0;  // until the model was ready
  double run_seconds = 0;   // reading and writing the files included
};

// All outputs are encoded before the first of them is written. Fails with usage for inputs that are missing or unknown,
// with bad_input for those that do not fit, with untrusted for an artifact that was altered, and with interrupted. The
// file of the states is replaced as a whole, last: whatever fails before, or kills the process, leaves it as it was, so
// that the run can be repeated.
Result<RunReport> run(const RunRequest& request, Host& host);

}  // namespace modelctl::actions
