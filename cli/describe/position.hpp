// Where a word of a command line belongs, determined from the words before it. Unlike the parser, this also works for a
// line that is incomplete.
#pragma once

#include "cli/app.hpp"

namespace modelctl::cli {

struct Position {
  const CLI::App* app;                 // the command that the words name
  const CLI::Option* wants = nullptr;  // the option whose value comes next
  std::size_t positionals = 0;         // arguments given so far
  bool only_positionals = false;       // "--" came before
};

// The position after `words`, which follow the program's name. An option that takes a value consumes the next word,
// unless it contains '='.
Position locate(const CommandTree& tree, std::span<const std::string> words);

// The option of that name, of the command or of an enclosing one; null if there is none.
const CLI::Option* find_option(const CLI::App* app, const std::string& name);

}  // namespace modelctl::cli
