// The command line: the table of commands as a CLI11 tree, and running what it parses.
#pragma once

#include "cli/command.hpp"

#include <map>
#include <memory>

namespace modelctl::cli {

class TerminalReporter;

// What every command accepts; a command's own option of the same name hides it.
struct GlobalFlags {
  std::string output = "text";
  std::string color = "auto";
  bool quiet = false;
};

// The tree that is parsed, described and completed from.
struct CommandTree {
  CLI::App root;
  GlobalFlags flags;
  Completions completions;
  std::map<const CLI::App*, Run> run;
};

std::unique_ptr<CommandTree> command_tree();

// Runs one command line, without the program's name; answers the exit code. No exception leaves it.
int run(const std::vector<std::string>& arguments, Host& host, TerminalReporter& reporter, Printer& printer);

}  // namespace modelctl::cli
