// The interface of a command. Each is one file in cli/commands: it binds flags to the fields of an action's Request,
// calls the action and prints the Report. Help, man pages, the reference and completion derive from what it declares
// here, so every option needs a description, and a type name in capitals if it takes a value.
#pragma once

#include "base/host.hpp"
#include "cli/present/printer.hpp"

#include <CLI/App.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelctl::cli {

// One candidate for the word at the cursor.
struct Candidate {
  std::string text;
  std::string description;
};
// The kind of candidates for the value of an option or a positional argument. The kinds from `model` to `certificates`
// are files with the usual endings of the kind; if a folder has none of them, all of its files are candidates.
enum class Completes {
  nothing,
  file,
  model,
  any_model,
  artifact,
  package,
  tensors,
  labels,
  private_key,
  public_key,
  certificates,
  folder,
  reference,
  registry,
  operators,
  command
};

// How one option is completed; `values` is for a fixed list of candidates.
struct Completion {
  const CLI::Option* option;
  Completes with;
  std::vector<std::string> values;
};
using Completions = std::vector<Completion>;

// What a command declares its options on: the CLI11 app, and how the shell completes them.
class Binder {
 public:
  Binder(CLI::App& app, Completions& completions) : app(app), completions_(completions) {}

  // Sets how the shell completes an option's value. Returns the option, so that calls can be chained.
  CLI::Option* complete(CLI::Option* option, Completes with) {
    completions_.push_back({option, with, {}});
    return option;
  }
  // Values that the shell suggests. Others are accepted here: the action decides whether they are valid.
  CLI::Option* choice(CLI::Option* option, std::vector<std::string> values) {
    completions_.push_back({option, Completes::nothing, std::move(values)});
    return option;
  }

  CLI::App& app;

 private:
  Completions& completions_;
};

// What a command may use while it runs.
struct CommandContext {
  Host& host;
  Printer& printer;
};

// Runs the command and returns the exit code: 0, or 1 for a negative result, such as `check` of a model that is
// unsupported.
using Run = std::function<Result<int>(CommandContext&)>;

// The stage in the life of a model to which a command belongs. Help groups commands by it.
enum class Stage { build, ship, serve, help };
inline constexpr std::string_view stage_titles[] = {"Build and evaluate", "Sign and ship", "Serve",
                                                    "Help and diagnosis"};

struct CommandDef {
  std::string_view name;     // "pack", or "key generate" for a command of a group
  std::string_view summary;  // one line for the list of commands; an empty one hides the command
  // Declares options and positionals on binder.app and returns the function to run once they are parsed. The Request is
  // in a shared_ptr that this function captures, because CLI11 writes to it after bind() has returned; its member
  // initializers are the defaults in help. A null bind makes `name` a group, which only lists its commands.
  Run (*bind)(Binder& binder);
  Stage stage = Stage::build;
  // What other programs call it, separated by spaces. The names are not accepted: the error suggests `name`.
  std::string_view called_elsewhere = {};
  bool output_was_file = false;  // in earlier versions --output was the file to write (former_output.hpp)
};

// All commands, one file each (generated table): each cli/commands/<stem>.cpp defines
// std::span<const CommandDef> <stem>_command(). The text and the examples of a command's page are in
// cli/commands/<name>.md ("key-generate.md" for "key generate").
std::span<const CommandDef* const> commands();

}  // namespace modelctl::cli
