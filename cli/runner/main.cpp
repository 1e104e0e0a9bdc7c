// The small runner.
#include "cli/runner/runner.hpp"

int main(int argc, char** argv) {
  using namespace modelctl::runner;
  const Verb* const verbs[] = {&run_verb};
  return run_program({argv, static_cast<std::size_t>(argc)}, verbs);
}
