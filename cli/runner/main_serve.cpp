// The runner that also serves.
#include "base/mapped_file.hpp"
#include "cli/runner/runner.hpp"
#include "ops/run_table.hpp"
#include "serve/isolation/worker.hpp"

namespace modelctl::runner {
extern const Verb serve_verb;
}

int main(int argc, char** argv) {
  using namespace modelctl;
  // A worker process of this program's own server (--isolate), and not a command for users.
  if (argc == 2 && argv[1] == std::string_view("__worker")) {
    report_bus_errors();
    return serve::run_worker(ops::run_table());
  }
  const runner::Verb* const verbs[] = {&runner::run_verb, &runner::serve_verb};
  return runner::run_program({argv, static_cast<std::size_t>(argc)}, verbs, ops::run_table());
}
