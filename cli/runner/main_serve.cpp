// The runner that also serves.
#include "cli/runner/runner.hpp"

namespace modelctl::runner {
extern const Verb serve_verb;
}

int main(int argc, char** argv) {
  using namespace modelctl::runner;
  const Verb* const verbs[] = {&run_verb, &serve_verb};
  return run_program({argv, static_cast<std::size_t>(argc)}, verbs);
}
