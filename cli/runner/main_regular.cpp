// The regular runner: with all operators but those that stand on libraries of their own.
#include "cli/runner/runner.hpp"
#include "ops/run_table.hpp"

int main(int argc, char** argv) {
  using namespace modelctl;
  const runner::Verb* const verbs[] = {&runner::run_verb};
  return runner::run_program({argv, static_cast<std::size_t>(argc)}, verbs, ops::regular_run_table());
}
