// Shell completion. The scripts in completions/ only call `modelctl __complete`, so they never have to change with the
// commands.
#pragma once

#include "cli/app.hpp"

namespace modelctl::cli {

// Sources of candidates that are not part of the command line itself.
struct CandidateSources {
  std::function<std::vector<Candidate>()> references, registries, operators;
};

// Candidates for the last of `words`, the words after the program's name. Each candidate starts with what has been
// typed; that of a folder ends with '/'.
std::vector<Candidate> complete(const CommandTree& tree, const std::vector<std::string>& words,
                                const CandidateSources& sources);

}  // namespace modelctl::cli
