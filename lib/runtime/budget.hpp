// What a run and the runs of its nested plans may spend together: iterations and time. Memory is counted plan by plan.
// Internal to the component.
#pragma once

#include "base/host.hpp"
#include "runtime/model.hpp"

#include <chrono>

namespace modelctl::runtime {

class Budget {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Budget(const Session::Limits& limits) : limits_(limits) {}

  // A run begins, with everything to spend.
  void begin();
  // Counts one run of a nested plan.
  Result<void> iterate();
  // Whether the run must end; asked before each step, so it is cheap where there is neither a time nor a stop.
  bool over() const { return (stop_ != nullptr && stop_->stopped()) || (timed_ && Clock::now() >= end_); }
  Error why() const;

 private:
  Session::Limits limits_;
  const StopToken* stop_ = limits_.stop;
  std::uint64_t iterations_ = 0;
  bool timed_ = false;
  Clock::time_point end_;
};

}  // namespace modelctl::runtime
