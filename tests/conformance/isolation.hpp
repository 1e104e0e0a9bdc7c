// Runs many jobs in forked processes, so that a job that crashes or hangs does not affect the others.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace modelctl::conformance {

struct Answer {
  bool whole = false;  // the job came to its end, and this is what it answered
  std::string text;    // else how the process ended, and what it last wrote to stderr
};

// Answers of jobs 0 … count-1, each job(i) within `seconds`, `processes` at a time. `seen` is called with each result
// as it arrives.
std::vector<Answer> run_isolated(std::size_t count, int processes, unsigned seconds,
                                 const std::function<std::string(std::size_t)>& job,
                                 const std::function<void(std::size_t, const Answer&)>& seen);

}  // namespace modelctl::conformance
