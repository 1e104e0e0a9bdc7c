// What there is to say about one command, read off the CLI11 tree: help, man page and reference are printed from it.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <utility>
#include <vector>

namespace modelctl::cli {

struct OptionEntry {
  std::string names;        // "-o, --output", or a positional's "MODEL"
  std::string value;        // "FILE", "text|json"; empty for a flag
  std::string description;  // with the default and the environment variable, where there are
  bool required = false;
};

struct CommandEntry {
  std::string stage;  // "Sign and ship": entries of one stage stand together
  std::string name, summary;
};

struct Page {
  std::string name;  // "modelctl key generate"
  std::string summary;
  std::string usage;                                            // "modelctl key generate [options] --output PREFIX"
  std::vector<CommandEntry> commands;                           // of a group
  std::vector<OptionEntry> arguments, options, global_options;  // global: those of every command
  std::string prose;                                            // Markdown: more words, and examples
};

Page page_of(const CLI::App& app);

std::string as_help(const Page& page);      // for a terminal, 100 columns
std::string as_markdown(const Page& page);  // for docs/reference/commands
std::string as_man(const Page& page);       // troff with the man macros

// "modelctl key generate" for the app of `key generate`.
std::string full_name(const CLI::App& app);

// The apps below `app` that are no secret, in the order of a model's road and then of their names.
std::vector<const CLI::App*> visible_commands(const CLI::App& app);

}  // namespace modelctl::cli
