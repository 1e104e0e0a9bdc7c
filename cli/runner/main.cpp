// The small runner: without rare operators.
#include "cli/runner/runner.hpp"
#include "ops/run_table.hpp"

int main(int argc, char** argv) {
  using namespace modelctl;
  const runner::Verb* const verbs[] = {&runner::run_verb};
  return runner::run_program({argv, static_cast<std::size_t>(argc)}, verbs, ops::small_run_table());
}
