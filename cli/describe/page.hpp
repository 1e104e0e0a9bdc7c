// The description of one command, extracted from the CLI11 tree. Help, man page and reference are rendered from it.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <utility>
#include <vector>

namespace modelctl::cli {

struct OptionEntry {
  std::string names;        // "-o, --output", or a positional's "MODEL"
  std::string value;        // "FILE", "text|json"; empty for a flag
  std::string description;  // with the default and the environment variable if there are any
  bool required = false;
};

struct CommandEntry {
  std::string stage;  // "Sign and ship": entries of one stage stand together
  std::string name, summary;
};

struct Page {
  std::string name;  // "modelctl key generate"
  std::string summary;
  std::string usage;                                            // "modelctl key generate [options] -o PREFIX"
  std::vector<CommandEntry> commands;                           // of a group
  std::vector<OptionEntry> arguments, options, global_options;  // global: those of every command
  std::string prose;                                            // Markdown: explanation and examples
};

Page page_of(const CLI::App& app);

std::string as_help(const Page& page);      // for a terminal, 100 columns
std::string as_markdown(const Page& page);  // for docs/reference/commands
std::string as_man(const Page& page);       // troff with the man macros

// Whether an option may be given several times, each time with one value.
bool repeats(const CLI::Option& option);

// "modelctl key generate" for the app of `key generate`.
std::string full_name(const CLI::App& app);

// The subcommands of `app` that are not hidden, ordered by stage and then by name.
std::vector<const CLI::App*> visible_commands(const CLI::App& app);

}  // namespace modelctl::cli
