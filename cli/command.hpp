// A command is one file in cli/commands: it binds flags to the fields of an action's Request, calls the action and
// prints the Report. Help, man pages, the command reference and completions all derive from what it declares here.
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

// One candidate for the word under the cursor.
struct Candidate {
  std::string text;
  std::string description;
};
// What an option's value or a positional can be completed with.
enum class Completes { nothing, file, folder, reference, registry, operators };

// How each option completes; `values` where they are a fixed list.
struct Completion {
  const CLI::Option* option;
  Completes with;
  std::vector<std::string> values;
};
using Completions = std::vector<Completion>;

// Where a command declares itself. Give each option a description, and a type_name in capitals ("FILE", "NAME=N").
class Binder {
 public:
  Binder(CLI::App& app, Completions& completions) : app(app), completions_(completions) {}

  // Says how the shell completes an option's value; answers the option, so that calls chain.
  CLI::Option* complete(CLI::Option* option, Completes with) {
    completions_.push_back({option, with, {}});
    return option;
  }
  // Values that the shell offers; the action judges whether others are right.
  CLI::Option* choice(CLI::Option* option, std::vector<std::string> values) {
    completions_.push_back({option, Completes::nothing, std::move(values)});
    return option;
  }

  CLI::App& app;

 private:
  Completions& completions_;
};

// What a command has when it runs.
struct Session {
  Host& host;
  Printer& printer;
};

// Runs the command; answers the exit code, which is 0 or, where the answer is "no", 1.
using Run = std::function<Result<int>(Session&)>;

// Where on a model's road a command stands: help lists them so.
enum class Stage { build, ship, serve };
inline constexpr std::string_view stage_titles[] = {"Build and judge", "Sign and ship", "Serve"};

struct CommandDef {
  std::string_view name;     // "pack", or "key generate" for a command of a group
  std::string_view summary;  // one line for the list of commands; an empty one hides the command
  // Declares options and positionals on binder.app and answers what runs once they are parsed. The Request lives in a
  // shared_ptr that the answer captures; its member initializers are the defaults that help shows. A null bind makes
  // `name` a group, which only lists its commands.
  Run (*bind)(Binder& binder);
  Stage stage = Stage::build;
};

// All commands, one file each (generated table): each cli/commands/<stem>.cpp defines
// std::span<const CommandDef> <stem>_command(). Prose and examples for a command's page are in
// cli/commands/<name>.md ("key-generate.md" for "key generate").
std::span<const CommandDef* const> commands();

}  // namespace modelctl::cli
