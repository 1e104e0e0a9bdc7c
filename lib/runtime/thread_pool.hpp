// The runtime's threads: started once, shared by all sessions of a process.
#pragma once

#include "kernels/workers.hpp"

#include <memory>

namespace modelctl::runtime {

// Tiles are taken from a shared counter, so that a thread that the machine slows down does not hold up the others. An
// idle worker spins for some microseconds and then sleeps. Of concurrent callers one has the workers, and the others do
// their work alone: waiting for a turn would only leave their own threads idle.
class ThreadPool final : public kernels::Workers {
 public:
  // More would not start on any machine: a larger number means this one.
  static constexpr int most_threads = 4096;
  // `threads` counts the caller: 1 starts none. 0 takes default_threads().
  explicit ThreadPool(int threads = 0);
  ~ThreadPool() override;

  int threads() const override;
  // The CPUs that this process may use: affinity mask and cgroup quota honored.
  static int default_threads();

 protected:
  void run(std::int64_t tiles, Function function, void* context) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::runtime
