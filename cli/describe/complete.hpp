// What the shell offers for the word under the cursor. completions/modelctl.* only ask for it, so they cannot drift.
#pragma once

#include "cli/app.hpp"

namespace modelctl::cli {

// Where the candidates come from that the command line itself does not know.
struct CandidateSources {
  std::function<std::vector<Candidate>()> references, registries, operators;
};

// Candidates for the last of `words`, which are those after the program's name. Each begins with what is already
// there; a folder's ends with '/'.
std::vector<Candidate> complete(const CommandTree& tree, const std::vector<std::string>& words,
                                const CandidateSources& sources);

}  // namespace modelctl::cli
