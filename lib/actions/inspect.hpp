// inspect: what is in a model, an artifact, a package or a linked program, without running or building it. Of a package
// in a registry or on a host, only the manifest and its signature are read.
#pragma once

#include "actions/model_source.hpp"
#include "artifact/meaning.hpp"
#include "artifact/plan.hpp"

#include <optional>

namespace modelctl::actions {

struct InspectRequest {
  ModelSource model;
};

struct InspectReport {
  struct Count {
    std::string name;  // an operator, or a routine of a plan
    std::size_t count;
  };
  struct File {
    std::string path;
    std::string role;
    std::uint64_t bytes;
  };

  // An output that continues an input, as a decoder's cache does; see Model::states().
  struct State {
    std::size_t input, output;  // of the signature
    std::size_t axis;           // along which rows are added or replaced
    bool grows;                 // else it keeps its size
  };

  std::string kind;  // "model", "artifact", "package" or "program"
  std::uint64_t bytes = 0;
  artifact::Signature signature;
  std::vector<artifact::Meaning> inputs, outputs;  // of an artifact, in any wrapping: of the signature's
  std::vector<State> states;                       // of an artifact, in any wrapping
  std::size_t steps = 0;                           // nodes of a model, steps of a plan
  std::vector<Count> counts;                       // the most frequent first
  std::uint64_t weight_bytes = 0;
  // Memory of one run with every symbol 1, outputs included; absent if only a run determines it.
  std::optional<std::uint64_t> run_bytes;
  std::map<std::string, std::string> metadata;
  std::vector<File> files;  // of a package
};

// If the user named whom to trust, the signature of a package's manifest is checked; the rest is what `verify` is for.
// Fails as the readers of the kinds do.
Result<InspectReport> inspect(const InspectRequest& request, Host& host);

}  // namespace modelctl::actions
