// build: an ONNX model becomes an artifact, in three stages: preprocess, compile, link.
#pragma once

#include "artifact/plan.hpp"
#include "base/host.hpp"
#include "processing/processing.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace modelctl::actions {

struct BuildRequest {
  // What is empty here, modelctl.yaml defines, if `reads_project`: project_merge.hpp.
  std::filesystem::path model;                   // ONNX; "-": what is on standard input
  std::filesystem::path output;                  // the artifact; if no file defines it, next to the model
  std::map<std::string, std::int64_t> bindings;  // symbolic sizes that are fixed
  processing::Processing processing = {};  // what inputs are made from, what outputs mean; read_labels() was called
  int level = 2;                           // of optimization, 0 to 3
  std::string print_after;                 // a pass whose result is wanted as text; empty: none
  std::filesystem::path report;            // the whole story as JSON; empty: none
  bool reads_project = true;
  std::string settings;  // recorded in the artifact: settings_digest() of project_merge.hpp; modelctl.yaml defines it
};

// One of the three stages: what it did, and how long that took.
struct BuildStage {
  std::string name;
  std::vector<std::string> did;  // "read 14 nodes", "folded 3 constants"
  double seconds = 0;
};

struct BuildReport {
  std::filesystem::path artifact;
  std::vector<BuildStage> stages;
  artifact::Signature signature;
  std::map<std::string, std::size_t> routines;  // "kernel:conv_nhwc" -> how many steps
  std::uint64_t source_bytes = 0;
  std::uint64_t artifact_bytes = 0;
  std::uint64_t weights_bytes = 0;
  std::string printed;  // the graph after `print_after`
};

// Fails with unsupported, listing all that is in the way, where the model needs what there is no operator or type for;
// with bad_input for a file that is not a valid model, usage for a pass that does not run at this level, bad_config for
// a project that names no model, and interrupted. The artifact is complete or absent. The JSON report is written after
// it, so a report that cannot be written leaves a good artifact behind.
Result<BuildReport> build(const BuildRequest& request, Host& host);

// The sizes of symbols as typed, "batch=4". The last '=' counts, since ONNX allows one within a symbol's name. Fails
// with usage: code bad-binding for another form, given-twice for two sizes of one symbol. A size of 0 is accepted.
Result<std::map<std::string, std::int64_t>> parse_bindings(const std::vector<std::string>& texts);

}  // namespace modelctl::actions
