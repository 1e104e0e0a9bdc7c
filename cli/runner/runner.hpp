// The program that a linked model is: it finds the artifact in its own file and runs it. Small on purpose: no option
// parser, no JSON, no streams; the larger form adds a verb.
#pragma once

#include "base/result.hpp"
#include "runtime/model.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::runner {

struct Option {
  std::string_view name;   // without the dashes
  std::string_view value;  // what help calls its value
  std::string_view meaning;
  bool several = false;  // takes all words up to the next option, and may be repeated
  bool required = false;
};

// Words after the verb, told apart: "--name value", "--name=value".
class Words {
 public:
  static Result<Words> parse(std::span<const std::string> words, std::span<const Option> options);

  const std::vector<std::string>& all(std::string_view option) const;
  std::string one(std::string_view option, std::string_view otherwise = {}) const;
  // A whole number of at least `least`.
  Result<int> number(std::string_view option, int otherwise, int least) const;
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::vector<std::pair<std::string_view, std::vector<std::string>>> values_;
  std::vector<std::string> rest_;
};

// What a verb is given: a way to the artifact, which is inside the program or, in the bare runner, named.
class Program {
 public:
  Program(std::string name, runtime::OpRunTable operators) : name_(std::move(name)), operators_(operators) {}

  const std::string& name() const { return name_; }  // as it was called
  bool linked() const;
  // The artifact inside, or the one that the verb's only other word names.
  Result<std::shared_ptr<const runtime::Model>> load(const Words& words) const;

 private:
  std::string name_;
  runtime::OpRunTable operators_;
};

struct Verb {
  std::string_view name;
  std::string_view summary;
  std::span<const Option> options;
  Result<int> (*run)(const Program& program, const Words& words);
};

extern const Verb run_verb;

// The exit code: that of the verb, or of the error's kind.
int run_program(std::span<char* const> arguments, std::span<const Verb* const> verbs, runtime::OpRunTable operators);

}  // namespace modelctl::runner
