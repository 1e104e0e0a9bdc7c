// What the suites against real servers share.
#pragma once

#include "support/certificates.hpp"
#include "support/program.hpp"
#include "transport/support.hpp"

namespace modelctl::transport::test {

struct Ran {
  int exit_code;
  std::string out, err;
};
// Runs a program to its end; fails the test if it cannot be started.
inline Ran run(std::vector<std::string> command, const std::string& input = "") {
  StopToken stop;
  SystemProcesses processes(stop);
  auto result = processes.run(command, {.input = input});
  REQUIRE_MESSAGE(result, message_of(result));
  return {result->exit_code, result->out, result->err};
}

// The first of the programs that is missing; empty: all are there.
inline std::string missing(std::initializer_list<const char*> programs) {
  for (const char* program : programs) {
    if (modelctl::test::find_program(program).empty()) return program;
  }
  return {};
}

#define NEEDS(...)                                                                   \
  if (std::string lacks = missing({__VA_ARGS__}); !lacks.empty()) {                  \
    std::printf("skipped: there is no program %s on this machine\n", lacks.c_str()); \
    return;                                                                          \
  }

}  // namespace modelctl::transport::test
