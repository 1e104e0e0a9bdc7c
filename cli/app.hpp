// The command line: builds a CLI11 tree from the table of commands, parses the arguments and runs the command. The same
// tree is the source of help, man pages, the reference and completion, so that they cannot contradict the parser.
#pragma once

#include "cli/command.hpp"

#include <map>
#include <memory>
#include <set>

namespace modelctl::cli {

class TerminalReporter;

// The values of --output.
inline const std::vector<std::string> output_formats = {"text", "json"};

// The options that every command accepts.
struct GlobalFlags {
  std::string output = "text";
  std::string color = "auto";
  bool quiet = false;
};

// The tree, with the variables that its options write to. It is not movable, because CLI11 keeps pointers to them.
struct CommandTree {
  CLI::App root;
  GlobalFlags flags;
  Completions completions;
  std::map<const CLI::App*, Run> run;
  std::set<const CLI::App*> output_was_file;  // former_output.hpp
};

std::unique_ptr<CommandTree> command_tree();

// The error for a word that does not name a command below `app`; its help has the command that was probably meant.
Error unknown_command(const CLI::App& app, const std::string& word);

// Runs one command line (without the program's name) and returns the exit code. Throws nothing.
int run(const std::vector<std::string>& arguments, Host& host, TerminalReporter& reporter, Printer& printer);

}  // namespace modelctl::cli
