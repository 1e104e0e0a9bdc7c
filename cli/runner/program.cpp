// What all verbs share: finding the artifact, help, dispatch to the verb, and errors. /proc/self/exe is the program's
// own file even if it was started through a link or was renamed since.
#include "artifact/appended.hpp"
#include "cli/former_option.hpp"
#include "cli/runner/runner.hpp"
#include "runtime/inputs.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <optional>

namespace modelctl::runner {
namespace {

constexpr const char* self = "/proc/self/exe";

std::string spelled(const Option& option) { return (option.name.size() == 1 ? "-" : "--") + std::string(option.name); }

std::string usage_of(const Option& option) {
  std::string text = spelled(option) + " " + std::string(option.value) + (option.several ? "..." : "");
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
      if (option.required || option.name == "o") line += " " + usage_of(option);
    }
    out.line(line);
    out.line("      " + std::string(verb->summary));
    cli::Table table{{"", ""}, {}};
    for (const Option& option : verb->options) {
      table.rows.push_back({"      " + spelled(option) + " " + std::string(option.value), std::string(option.meaning)});
    }
    out.table(table);
  }
  if (!inside) return;
  out.line("\ninputs");
  out.table(ports(inside->plan.signature.inputs));
  out.line("\noutputs");
  out.table(ports(inside->plan.signature.outputs));
}

bool is_format(std::string_view word) { return word == "text" || word == "json"; }

// `--output FILE` of earlier versions becomes `-o FILE`. Returns the warning of it.
std::optional<Error> replace_former_output(std::vector<std::string>& words) {
  std::optional<Error> warning;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool joined = words[i].starts_with("--output=");
    if (!joined && (words[i] != "--output" || i + 1 == words.size())) continue;
    std::string value = joined ? words[i].substr(words[i].find('=') + 1) : words[i + 1];
    if (is_format(value) || value.starts_with("--")) continue;
    words[i] = "-o";
    if (joined) words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, value);
    warning = cli::former_output(value);
  }
  return warning;
}

// Before the arguments are parsed, since a program that wants JSON gets the errors of that as JSON, too.
void set_format(std::span<const std::string> words, cli::Printer& out) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool json =
        words[i] == "--output=json" || (words[i] == "--output" && i + 1 < words.size() && words[i + 1] == "json");
    if (json) out.set_format(cli::Printer::Format::json);
  }
}

// Help and version are recognized in every position, before the verb is parsed.
Result<int> dispatch(const Program& program, std::vector<std::string> words, std::span<const Verb* const> verbs,
                     cli::Printer& out) {
  set_format(words, out);
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
  if ((*verb)->output_was_file) {
    if (auto former = replace_former_output(words)) report(*former, cli::Severity::warning, out);
  }
  auto arguments = TRY(Arguments::parse(std::span(words).subspan(1), (*verb)->options));
  if (std::string format = arguments.one(format_option.name, "text"); !is_format(format)) {
    return Error(Kind::usage, "usage", "'--output " + format + "' is neither text nor json").help("see --help");
  }
  return (*verb)->run(program, arguments, out);
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

void report(const Error& error, cli::Severity severity, const cli::Printer& out) {
  bool json = out.format() == cli::Printer::Format::json;
  std::string text =
      json ? cli::render_json(error, severity) + "\n" : cli::render(error, severity, ::isatty(STDERR_FILENO) != 0);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

int run_program(std::span<char* const> arguments, std::span<const Verb* const> verbs, runtime::OpRunTable operators) {
  report_bus_errors();
  std::string_view called = arguments.empty() ? "modelctl-runner" : arguments[0];
  Program program(std::string(called.substr(called.rfind('/') + 1)), operators);
  std::vector<std::string> words(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  cli::Printer out(stdout, cli::Printer::Format::text);
  auto code = dispatch(program, std::move(words), verbs, out);
  if (!code) {
    report(code.error(), cli::Severity::error, out);
    return info(code.error().kind).exit_code;
  }
  return out.flush() ? *code : info(Kind::io).exit_code;
}

}  // namespace modelctl::runner
