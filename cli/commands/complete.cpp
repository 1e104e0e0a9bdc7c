// __complete: the hidden command that the shell scripts in completions/ call. It prints one "candidate<TAB>description"
// per line. It never fails and never waits for a network: the user has only pressed Tab.
#include "cli/describe/complete.hpp"

#include "actions/list.hpp"
#include "ops/schema/operator.hpp"

#include <algorithm>

namespace modelctl::cli {
namespace {

std::vector<Candidate> operators() {
  std::vector<Candidate> all;
  for (const ops::OpDef* def : ops::table()) { all.push_back({std::string(def->name), std::string(def->summary)}); }
  return all;
}

// Only those of the local registry: Tab must not wait for a network, nor ask a credential helper, which may open a
// window. A registry that cannot be read has no candidates.
std::vector<Candidate> references(Host& host) {
  std::vector<Candidate> all;
  auto report = actions::list({}, host);
  if (!report) return all;
  for (const auto& package : report->packages) all.push_back({package.reference, human_bytes(package.size)});
  return all;
}

std::vector<Candidate> registries(Host& host) {
  std::vector<Candidate> all;
  for (std::string& name : actions::known_registries(host)) all.push_back({std::move(name), ""});
  return all;
}

Run bind(Binder& binder) {
  // The words are those of an unfinished command line. The scripts put "--" before them, so that options among them are
  // not taken for options of this command.
  auto words = std::make_shared<std::vector<std::string>>();
  binder.app.add_option("WORD", *words, "The words after the program's name, the last one up to the cursor");
  return [words](CommandContext& context) -> Result<int> {
    auto tree = command_tree();
    CandidateSources sources;
    sources.operators = operators;
    sources.references = [&] { return references(context.host); };
    sources.registries = [&] { return registries(context.host); };
    for (const Candidate& candidate : complete(*tree, *words, sources)) {
      // A line feed in a name would split one candidate into two.
      std::string line = candidate.text + (candidate.description.empty() ? "" : "\t" + candidate.description);
      std::replace(line.begin(), line.end(), '\n', ' ');
      context.printer.line(line);
    }
    return 0;
  };
}

constexpr CommandDef defs[] = {{"__complete", "", bind}};

}  // namespace
std::span<const CommandDef> complete_command() { return defs; }
}  // namespace modelctl::cli
