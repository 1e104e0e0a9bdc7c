// The runner: the program of a linked model. It finds the artifact in its own executable file and runs it. It is kept
// small on purpose (no CLI11, no JSON library, no iostreams), because its size is part of every linked model. Larger
// variants add operators and the verb `serve`.
#pragma once

#include "base/result.hpp"
#include "cli/present/diagnostics.hpp"
#include "cli/present/printer.hpp"
#include "runtime/model.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::runner {

struct Option {
  std::string_view name;   // without the dashes: two, or one before a single letter
  std::string_view value;  // placeholder for its value in help; empty if it takes none
  std::string_view meaning;
  bool several = false;  // may be repeated
  bool required = false;
};

// Of every verb, as in modelctl.
inline constexpr Option format_option{"output", "text|json",
                                      "Format of the result on stdout and of errors on stderr [default: text]"};

// The parsed arguments after the verb: "--name value", "--name=value", "-n value" and positional ones.
class Arguments {
 public:
  static Result<Arguments> parse(std::span<const std::string> words, std::span<const Option> options);

  const std::vector<std::string>& all(std::string_view option) const;
  std::string one(std::string_view option, std::string_view otherwise = {}) const;
  // An integer of at least `least`.
  Result<int> number(std::string_view option, int otherwise, int least) const;
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::vector<std::pair<std::string_view, std::vector<std::string>>> values_;
  std::vector<std::string> rest_;
};

// Access to the artifact: in the program's own file, or in the bare runner a file named on the command line.
class Program {
 public:
  Program(std::string name, runtime::OpRunTable operators) : name_(std::move(name)), operators_(operators) {}

  const std::string& name() const { return name_; }  // argv[0]
  bool linked() const;
  // Loads the artifact in this program, or the one that the only positional argument names.
  Result<std::shared_ptr<const runtime::Model>> load(const Arguments& arguments) const;

 private:
  std::string name_;
  runtime::OpRunTable operators_;
};

struct Verb {
  std::string_view name;
  std::string_view summary;
  std::span<const Option> options;  // format_option among them
  // `out` has the format that was asked for.
  Result<int> (*run)(const Program& program, const Arguments& arguments, cli::Printer& out);
  bool output_was_file = false;  // in earlier versions --output was the file to write (cli/former_option.hpp)
};

// Prints on stderr, in the format of `out`.
void report(const Error& error, cli::Severity severity, const cli::Printer& out);

extern const Verb run_verb;

// Runs a verb. Returns its exit code, or that of the error's kind.
int run_program(std::span<char* const> arguments, std::span<const Verb* const> verbs, runtime::OpRunTable operators);

}  // namespace modelctl::runner
