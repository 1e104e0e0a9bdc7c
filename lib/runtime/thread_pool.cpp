// A pool for many short jobs: a step of a plan is some ten to some thousand microseconds, and its tiles some ten each.
//
// Tiles are taken from one atomic counter. A fixed share per thread would wait for the slowest thread, and on a shared
// machine any thread may lose its CPU for milliseconds. Which thread runs a tile never changes a result, because no two
// tiles write the same element and no sum is split between tiles.
//
// A worker that finds no job spins for some microseconds, because the next step usually comes sooner than a sleeping
// thread wakes, and then sleeps: a longer spin takes the CPU from other processes, and with a CPU quota from itself.
//
// The caller works too, and returns only when no worker can touch the job any more: the job is the caller's stack
// frame. That is what `open` and `inside` are for. A worker joins under the mutex, while the job is open; the caller
// closes it under the same mutex, so whoever has not joined by then never will, and waits until those inside have left.
// `leaving` mirrors `inside` as an atomic, for a short spin before that wait. `job` counts jobs, so a worker that slept
// through one sees that the next is another one.
//
// There is no boundary for exceptions, since tiles have none to throw: they are the kernels' loops over memory that was
// made when the step was bound, and Workers demands it. What may run out of memory, such as binding and the reference
// implementations, runs on the caller's thread, where Session::run catches it.
#include "runtime/thread_pool.hpp"

#include "runtime/machine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace modelctl::runtime {
namespace {

// The next step of a plan usually comes sooner, and a longer spin would take the CPU from whoever shares the machine.
constexpr std::chrono::microseconds patience{10};

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Looks for `ready` to become true for a short while. How long one pause takes varies tenfold between CPUs, so the
// clock decides.
template <class Ready>
void spin(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 8; ++i) {
      if (ready()) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

// One job at a time. A job is published by `job` growing; `taken` hands out its tiles; `inside` counts the workers that
// may still touch it, so that the caller can go on only when none does.
struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex callers;  // held by the caller whose job it is

  std::mutex mutex;
  std::condition_variable wake;    // a job was published, or the pool stops
  std::condition_variable finish;  // the last worker left the job
  bool stop = false;
  bool open = false;  // workers may still join the job
  int inside = 0;
  std::atomic<std::uint64_t> job{0};
  std::atomic<int> leaving{0};  // as `inside`, for the caller's short spin

  Function function = nullptr;
  void* context = nullptr;
  std::int64_t tiles = 0;
  std::atomic<std::int64_t> taken{0};

  // A tile that throws ends the process on the caller's thread too, which must not leave a job that others work at.
  void work() noexcept {
    for (std::int64_t tile; (tile = taken.fetch_add(1, std::memory_order_relaxed)) < tiles;) function(context, tile);
  }

  void serve() {
    std::uint64_t seen = 0;
    while (true) {
      spin([&] { return job.load(std::memory_order_acquire) != seen; });
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || job.load(std::memory_order_relaxed) != seen; });
        if (stop) return;
        seen = job.load(std::memory_order_relaxed);
        if (!open) continue;  // the job was over before this thread woke up
        ++inside;
        leaving.fetch_add(1, std::memory_order_relaxed);
      }
      work();
      {
        std::lock_guard lock(mutex);
        --inside;
        leaving.fetch_sub(1, std::memory_order_release);
        if (inside == 0) finish.notify_one();
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  threads = threads <= 0 ? default_threads() : std::min(threads, most_threads);
  try {
    for (int i = 1; i < threads; ++i) state_->workers.emplace_back([state = state_.get()] { state->serve(); });
  } catch (const std::system_error&) {
    // The system gives no more threads: fewer do the same work.
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->job.fetch_add(1, std::memory_order_release);
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

int ThreadPool::default_threads() { return usable_cpus(); }

void ThreadPool::run(std::int64_t tiles, Function function, void* context) {
  State& state = *state_;
  // Without a lock on `callers` if one tile is all there is, or nobody else: such steps must not disturb each other.
  std::unique_lock turn(state.callers, std::defer_lock);
  if (tiles <= 1 || state.workers.empty() || !turn.try_lock()) {
    for (std::int64_t tile = 0; tile < tiles; ++tile) function(context, tile);
    return;
  }
  {
    std::lock_guard lock(state.mutex);
    state.function = function;
    state.context = context;
    state.tiles = tiles;
    state.taken.store(0, std::memory_order_relaxed);
    state.open = true;
    state.job.fetch_add(1, std::memory_order_release);
  }
  state.wake.notify_all();
  state.work();
  // All tiles are taken; those that others took may still run.
  spin([&] { return state.leaving.load(std::memory_order_acquire) == 0; });
  std::unique_lock lock(state.mutex);
  state.open = false;
  state.finish.wait(lock, [&] { return state.inside == 0; });
}

}  // namespace modelctl::runtime
