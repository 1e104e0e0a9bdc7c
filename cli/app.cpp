// CLI11 parses, and this file translates its exceptions into errors of ours: what, where, why, and which option,
// command or value was probably meant.
#include "cli/app.hpp"

#include "base/suggest.hpp"
#include "cli/describe/page.hpp"
#include "cli/former_output.hpp"
#include "cli/present/argument_secrets.hpp"
#include "cli/present/terminal_reporter.hpp"

#include <fmt/format.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace modelctl::cli {
namespace {

// The app for "key generate"; its group is created if it does not exist yet.
CLI::App& app_for(CLI::App& root, std::string_view name) {
  CLI::App* at = &root;
  while (!name.empty()) {
    std::size_t end = std::min(name.find(' '), name.size());
    std::string word(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
    auto same = at->get_subcommands([&](const CLI::App* below) { return below->get_name() == word; });
    at = same.empty() ? at->add_subcommand(word) : same.front();
  }
  return *at;
}

// The heading under which help lists a command; an empty one hides the command.
std::string heading(const CLI::App& root, const CLI::App& app, const CommandDef& def) {
  if (def.summary.empty()) return "";
  return app.get_parent() == &root ? std::string(stage_titles[static_cast<std::size_t>(def.stage)]) : "Commands";
}

void add_global_flags(CommandTree& tree) {
  CLI::App& root = tree.root;
  root.set_help_flag("-h,--help", "Show this help");
  root.set_version_flag("-V,--version", "modelctl " MODELCTL_VERSION, "Print the version");
  root.add_option("--output", tree.flags.output, "Format of the result on stdout and of errors on stderr")
      ->check(CLI::IsMember(output_formats));
  root.add_flag("-q,--quiet", tree.flags.quiet, "Print only the result and errors");
  root.add_option("--color", tree.flags.color, "Color on stderr; auto means on a terminal, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

// The deepest command that the arguments name.
const CLI::App& named_command(const CLI::App& root) {
  const CLI::App* at = &root;
  for (auto below = at->get_subcommands(); !below.empty(); below = at->get_subcommands()) at = below.front();
  return *at;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// CLI11 lets an option that may be repeated take all words up to the next option, and with them a positional argument.
// Here each occurrence takes one value, as with any other option.
void take_one_value_each(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) option->allow_extra_args(false);
  }
}

std::string see_help(const CLI::App& app) { return fmt::format("see '{} --help'", full_name(app)); }

// A surplus argument may be a second value of the option before it, which has to be repeated then.
std::string help_for_surplus(const CLI::App& app, const std::string& word) {
  const auto& given = app.parse_order();
  auto option = std::find_if(given.rbegin(), given.rend(), [](const CLI::Option* each) { return repeats(*each); });
  if (option == given.rend()) return see_help(app);
  std::string name = (*option)->get_name();
  return fmt::format("if '{0}' is one more value for {1}, write {1} {0}", word, name);
}

// "did you mean ...?", or where to look if nothing is near enough.
std::string help_for_mistyped(const CLI::App& app, const std::string& word, std::span<const std::string> right) {
  std::string meant = nearest(word, right);
  return meant.empty() ? see_help(app) : fmt::format("did you mean '{}'?", meant);
}

Error unknown_option(const CLI::App& app, const std::string& word) {
  std::string help = word == "-v" || word == "--verbose"
                         ? "nothing more can be printed: -q prints less, -V prints the version"
                         : help_for_mistyped(app, word.substr(0, word.find('=')), option_names(app));
  return Error(Kind::usage, "unknown-option", fmt::format("cannot use the option '{}'", word))
      .because(fmt::format("'{}' has no such option", full_name(app)))
      .help(help);
}

// The command that another program calls `word`; empty if there is none.
std::string called_elsewhere(const std::string& word) {
  for (const CommandDef* def : commands()) {
    std::string names = fmt::format(" {} ", def->called_elsewhere);
    if (names.find(fmt::format(" {} ", word)) != std::string::npos) return std::string(def->name);
  }
  return "";
}

// The error for an argument that CLI11 did not consume: an unknown command or option, or a surplus argument.
Error unexpected(const CLI::App& app, const std::string& word) {
  if (word.size() > 1 && word.front() == '-') return unknown_option(app, word);
  if (app.get_parent() == nullptr || !visible_commands(app).empty()) return unknown_command(app, word);
  return Error(Kind::usage, "unexpected-argument", fmt::format("cannot use the argument '{}'", word))
      .because(fmt::format("'{}' takes no further arguments", full_name(app)))
      .help(help_for_surplus(app, word));
}

// "choose one of: a, b" for an option with suggested values that was given none; otherwise where to look. CLI11 names
// the option at the beginning of its reason.
std::string help_for_value(const CommandTree& tree, const CLI::App& app, const CLI::ParseError& error) {
  std::string reason = error.what();
  const CLI::Option* option = app.get_option_no_throw(reason.substr(0, reason.find(':')));
  bool is_missing = error.get_name() == "ArgumentMismatch" && option != nullptr;
  auto completion = std::find_if(tree.completions.begin(), tree.completions.end(),
                                 [&](const Completion& each) { return each.option == option; });
  if (!is_missing || completion == tree.completions.end() || completion->values.empty()) return see_help(app);
  return fmt::format("choose one of: {}", fmt::join(completion->values, ", "));
}

Error usage_error(const CommandTree& tree, const CLI::ParseError& error) {
  const CLI::App& root = tree.root;
  const CLI::App& app = named_command(root);
  // CLI11 reports a missing option before an unknown one. The unknown one comes first here: it is often the missing
  // option with a typing mistake.
  std::vector<std::string> extra = root.remaining(true);
  std::erase(extra, "--");
  if (!extra.empty()) return unexpected(app, extra.front());
  std::string name = error.get_name();
  std::string reason = error.what();
  bool missing = name == "RequiredError";
  bool file_meant = reason.starts_with("--output:") && app.get_option_no_throw("-o") != nullptr;
  return Error(Kind::usage, missing ? "missing-option" : "bad-option", fmt::format("cannot run '{}'", full_name(app)))
      .because(reason)
      .help(file_meant ? "--output is the format of the result; write a file with -o FILE"
                       : help_for_value(tree, app, error));
}

void apply(const GlobalFlags& flags, TerminalReporter& reporter, Printer& printer) {
  bool json = flags.output == "json";
  printer.set_format(json ? Printer::Format::json : Printer::Format::text);
  reporter.set_json(json);
  reporter.set_quiet(flags.quiet);
  if (flags.color != "auto") reporter.set_color(flags.color == "always");
}

Result<int> parse_and_run(const std::vector<std::string>& arguments, Host& host, TerminalReporter& reporter,
                          Printer& printer) {
  auto tree = command_tree();
  CLI::App& root = tree->root;
  std::vector<std::string> words = arguments;
  std::optional<Error> former = replace_former_output(*tree, words);
  try {
    root.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    printer.text(as_help(page_of(named_command(root))));
    return 0;
  } catch (const CLI::CallForVersion& version) {
    printer.line(version.what());
    return 0;
  } catch (const CLI::ParseError& error) {
    // The options before the invalid one still apply: a program that requested JSON gets the error as JSON.
    apply(tree->flags, reporter, printer);
    return usage_error(*tree, error);
  }
  apply(tree->flags, reporter, printer);
  if (former) reporter.warn(*former);
  const CLI::App& command = named_command(root);
  auto found = tree->run.find(&command);
  if (found == tree->run.end()) {
    printer.text(as_help(page_of(command)));
    return 0;
  }
  CommandContext context{host, printer};
  return found->second(context);
}

}  // namespace

std::unique_ptr<CommandTree> command_tree() {
  auto tree = std::make_unique<CommandTree>();
  CLI::App& root = tree->root;
  root.name("modelctl");
  root.description("Build, run, pack, sign, ship and serve machine-learning models");
  root.require_subcommand(0, 1);
  root.option_defaults()->always_capture_default();
  add_global_flags(*tree);
  for (const CommandDef* def : commands()) {
    CLI::App& app = app_for(root, def->name);
    app.description(std::string(def->summary));
    app.group(heading(root, app, *def));
    if (def->output_was_file) tree->output_was_file.insert(&app);
    if (def->bind == nullptr) continue;
    Binder binder(app, tree->completions);
    tree->run.emplace(&app, def->bind(binder));
    take_one_value_each(app);
  }
  for (CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
    app->fallthrough();
    app->require_subcommand(0, 1);
    for (CLI::App* below : app->get_subcommands([](const CLI::App*) { return true; })) below->fallthrough();
  }
  return tree;
}

Error unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : visible_commands(app)) names.push_back(command->get_name());
  std::string meant = app.get_parent() == nullptr ? called_elsewhere(word) : "";
  return Error(Kind::usage, "unknown-command", fmt::format("cannot run '{} {}'", full_name(app), word))
      .because("there is no such command")
      .help(meant.empty() ? help_for_mistyped(app, word, names) : fmt::format("did you mean '{}'?", meant));
}

int run(const std::vector<std::string>& arguments, Host& host, TerminalReporter& reporter, Printer& printer) {
  Result<int> result = 0;
  try {
    result = parse_and_run(arguments, host, reporter, printer);
  } catch (const std::exception& exception) {
    result = Error(Kind::bug, "bug", "cannot continue: this is a bug in modelctl")
                 .because(exception.what())
                 .help("please report it with the command line");
  }
  errno = 0;
  if (!printer.flush() && result) {
    int why = errno;
    result = Error(Kind::io, "cannot-write-answer", "cannot write the result to standard output")
                 .because(std::generic_category().message(why == 0 ? EIO : why));
    // A closed pipe is not reported: in `modelctl list | head -1` the reader is done.
    if (why == EPIPE) return info(Kind::io).exit_code;
  }
  if (result) return *result;
  reporter.error(secrets_in(arguments).without(result.error()));
  return info(result.error().kind).exit_code;
}

}  // namespace modelctl::cli
