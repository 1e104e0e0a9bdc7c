// Counts what a run spends. The clock is read at most once a step and once a tile.
#include "runtime/budget.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::runtime {

void Budget::begin(const Session::RunLimits& run) {
  iterations_ = 0;
  cut_short_.store(false, std::memory_order_relaxed);
  Clock::time_point now = Clock::now();
  interrupt_ = run.interrupt;
  end_ = run.end;
  if (limits_.time < Clock::time_point::max() - now) end_ = std::min(end_, now + limits_.time);
  timed_ = end_ != Clock::time_point::max();
}

Result<void> Budget::iterate() {
  if (++iterations_ > limits_.iterations) {
    return Error(Kind::bad_input, "iteration-limit", "cannot run the model: its loops do not end")
        .because(fmt::format("nested graphs ran {} times, which is the limit for one run", limits_.iterations));
  }
  if (over()) return why();
  return {};
}

bool Budget::requested() const {
  if (!over()) return false;
  cut_short_.store(true, std::memory_order_relaxed);
  return true;
}

void InterruptibleWorkers::run(std::int64_t tiles, Function function, void* context) {
  if (!budget_.limited()) {
    workers_.for_each_tile(tiles, [&](std::int64_t tile) { function(context, tile); });
    return;
  }
  workers_.for_each_tile(tiles, [&](std::int64_t tile) {
    if (!budget_.requested()) function(context, tile);
  });
}

Error Budget::why() const {
  if (stopped()) return Error(Kind::interrupted, "interrupted", "stopped running the model");
  return Error(Kind::unavailable, "time-limit",
               fmt::format("cannot run the model: it takes longer than the {} seconds that one run has",
                           std::chrono::duration<double>(limits_.time).count()));
}

}  // namespace modelctl::runtime
