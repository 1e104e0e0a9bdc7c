// Elapsed time. What is reported to users is measured with the Clock of the Host, so that tests control it; code below
// the actions, which has no Host, measures with the system's monotonic clock.
#pragma once

#include "base/host.hpp"

namespace modelctl {

class Stopwatch {
 public:
  Stopwatch() : start_(now()) {}
  explicit Stopwatch(Clock& clock) : clock_(&clock), start_(now()) {}

  // Since the start or the last lap.
  double seconds() const { return std::chrono::duration<double>(now() - start_).count(); }
  // The same, and starts again.
  double lap() {
    auto end = now();
    return std::chrono::duration<double>(end - std::exchange(start_, end)).count();
  }

 private:
  std::chrono::steady_clock::time_point now() const {
    return clock_ == nullptr ? std::chrono::steady_clock::now() : clock_->steady();
  }
  Clock* clock_ = nullptr;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace modelctl
