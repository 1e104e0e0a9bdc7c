// What a run and the runs of its nested plans may spend together: iterations and time. Memory is counted plan by plan.
// Internal to the component.
//
// A step may take long: one product of large matrices, one operator without a kernel. So the budget is checked inside
// steps too. Kernels spread their tiles over Workers, and InterruptibleWorkers skips the tiles that are left once the
// budget is spent; loops of reference implementations ask Call::interrupted(). Either way the step's outputs are
// incomplete, and was_cut_short() then ends the run with an error.
#pragma once

#include "base/host.hpp"
#include "base/interrupt.hpp"
#include "kernels/workers.hpp"
#include "runtime/model.hpp"

#include <atomic>
#include <chrono>

namespace modelctl::runtime {

class Budget final : public Interrupt {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Budget(const Session::Limits& limits) : limits_(limits) {}

  // A run begins, with everything to spend, up to these limits too if they come sooner.
  void begin(const Session::RunLimits& run);
  // Counts one run of a nested plan.
  Result<void> iterate();
  // Whether the run must end; checked before each step, so it is cheap if there is neither a time nor a stop.
  bool over() const { return stopped() || (timed_ && Clock::now() >= end_); }
  // The same, from inside a step, which then ends without its result.
  bool requested() const override;
  // Whether a step ended so. A step that finished has its result, even if the time is up meanwhile.
  bool was_cut_short() const { return cut_short_.load(std::memory_order_relaxed); }
  // Whether over() can ever be true.
  bool limited() const { return stop_ != nullptr || interrupt_ != nullptr || timed_; }
  Error why() const;

 private:
  bool stopped() const {
    return (stop_ != nullptr && stop_->stopped()) || (interrupt_ != nullptr && interrupt_->requested());
  }

  Session::Limits limits_;
  const StopToken* stop_ = limits_.stop;
  const Interrupt* interrupt_ = nullptr;  // of the run
  std::uint64_t iterations_ = 0;
  bool timed_ = false;
  Clock::time_point end_;
  mutable std::atomic<bool> cut_short_{false};
};

// The same threads, for the steps of a run: tiles are skipped once the budget is spent.
class InterruptibleWorkers final : public kernels::Workers {
 public:
  InterruptibleWorkers(kernels::Workers& workers, const Budget& budget) : workers_(workers), budget_(budget) {}
  int threads() const override { return workers_.threads(); }

 protected:
  void run(std::int64_t tiles, Function function, void* context) override;

 private:
  kernels::Workers& workers_;
  const Budget& budget_;
};

}  // namespace modelctl::runtime
