// What all verbs share: finding the artifact, help, dispatch to the verb, and errors. /proc/self/exe is the program's
// own file even if it was started through a link or was renamed since.
#include "artifact/appended.hpp"
#include "cli/present/diagnostics.hpp"
#include "cli/present/printer.hpp"
#include "cli/runner/runner.hpp"
#include "runtime/inputs.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>

namespace modelctl::runner {
namespace {

constexpr const char* self = "/proc/self/exe";

std::string usage_of(const Option& option) {
  std::string text = "--" + std::string(option.name) + " " + std::string(option.value) + (option.several ? "..." : "");
  return option.required ? text : "[" + text + "]";
}

cli::Table ports(const std::vector<artifact::Port>& list) {
  cli::Table table{{"", ""}, {}};
  for (const artifact::Port& port : list) table.rows.push_back({"  " + port.name, runtime::describe(port)});
  return table;
}

// Help shows the model's inputs and outputs, because users of a linked program may have nothing else.
void print_help(const Program& program, std::span<const Verb* const> verbs, cli::Printer& out) {
  auto inside = artifact::open_appended(self, program.name());
  std::string model = "an artifact";
  if (inside) {
    auto name = inside->plan.metadata.find("model");
    model = name == inside->plan.metadata.end() ? "the model inside" : "'" + name->second + "'";
  }
  out.line(program.name() + ": runs " + model + " (modelctl " MODELCTL_VERSION ")");
  for (const Verb* verb : verbs) {
    out.line("");
    std::string line = "  " + program.name() + " " + std::string(verb->name) + (inside ? "" : " ARTIFACT");
    for (const Option& option : verb->options) {
      if (option.required || option.name == "output") line += " " + usage_of(option);
    }
    out.line(line);
    out.line("      " + std::string(verb->summary));
    cli::Table table{{"", ""}, {}};
    for (const Option& option : verb->options) {
      table.rows.push_back(
          {"      --" + std::string(option.name) + " " + std::string(option.value), std::string(option.meaning)});
    }
    out.table(table);
  }
  if (!inside) return;
  out.line("\ninputs");
  out.table(ports(inside->plan.signature.inputs));
  out.line("\noutputs");
  out.table(ports(inside->plan.signature.outputs));
}

// Help and version are recognized in every position, before the verb is parsed.
Result<int> dispatch(const Program& program, std::span<const std::string> words, std::span<const Verb* const> verbs,
                     cli::Printer& out) {
  auto asks = [&](std::string_view option) { return std::find(words.begin(), words.end(), option) != words.end(); };
  if (words.empty() || words[0] == "help" || asks("--help") || asks("-h")) {
    print_help(program, verbs, out);
    return words.empty() ? info(Kind::usage).exit_code : 0;
  }
  if (words[0] == "--version") {
    out.line("modelctl " MODELCTL_VERSION);
    return 0;
  }
  auto verb = std::find_if(verbs.begin(), verbs.end(), [&](const Verb* known) { return known->name == words[0]; });
  if (verb == verbs.end()) {
    return Error(Kind::usage, "usage", "unknown command '" + words[0] + "'").help("see --help");
  }
  return (*verb)->run(program, TRY(Arguments::parse(words.subspan(1), (*verb)->options)));
}

}  // namespace

bool Program::linked() const {
  auto inside = artifact::open_appended(self, name_);
  return inside || inside.error().code != "no-artifact-inside";
}

Result<std::shared_ptr<const runtime::Model>> Program::load(const Arguments& arguments) const {
  auto inside = artifact::open_appended(self, name_);
  if (!inside && inside.error().code != "no-artifact-inside") return std::move(inside).error();
  std::size_t wanted = inside ? 0 : 1;
  if (arguments.rest().size() < wanted)
    return std::move(inside).error().help("name an artifact: " + name_ + " run ARTIFACT");
  if (arguments.rest().size() > wanted) {
    return Error(Kind::usage, "usage", "'" + arguments.rest()[wanted] + "' is one argument too many")
        .help("see --help");
  }
  auto artifact = inside ? std::move(inside) : artifact::open(arguments.rest()[0]);
  return runtime::Model::load(TRY(std::move(artifact)), operators_, kernels::Cpu::detect());
}

int run_program(std::span<char* const> arguments, std::span<const Verb* const> verbs, runtime::OpRunTable operators) {
  report_bus_errors();
  std::string_view called = arguments.empty() ? "modelctl-runner" : arguments[0];
  Program program(std::string(called.substr(called.rfind('/') + 1)), operators);
  std::vector<std::string> words(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  cli::Printer out(stdout, cli::Printer::Format::text);
  auto code = dispatch(program, words, verbs, out);
  if (!code) {
    std::string text = cli::render(code.error(), cli::Severity::error, ::isatty(2) != 0);
    std::fwrite(text.data(), 1, text.size(), stderr);
    return info(code.error().kind).exit_code;
  }
  return out.flush() ? *code : info(Kind::io).exit_code;
}

}  // namespace modelctl::runner
