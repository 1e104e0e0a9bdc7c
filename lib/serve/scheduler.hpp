// Decides which prediction runs next, and runs it: one bounded queue for each version of a model, and one set of
// threads for all of them.
//
// The threads are shared fairly between versions by the time that they compute, not by requests: a model of 100 ms and
// one of 1 ms that are both overloaded get half of the machine each. A version that was idle gains no credit for it.
#pragma once

#include "serve/prediction.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

namespace modelctl::serve {

class Scheduler {
 public:
  struct Limits {
    std::size_t workers;  // predictions that run at a time
    std::size_t queue;    // requests of one version that may wait
  };

  explicit Scheduler(Limits limits);
  ~Scheduler();  // completes what still waits

  // Any thread; never blocks. From now on the request keeps its version, and will be completed: at once with an error
  // if the version's queue is full, else by a worker.
  void submit(std::shared_ptr<PredictionRequest> request, std::shared_ptr<LoadedModel> model);
  // Requests that wait or run, of all versions.
  std::size_t pending() const { return pending_; }

 private:
  using Seconds = std::chrono::duration<double>;
  struct Queue {
    std::shared_ptr<LoadedModel> model;
    std::deque<std::shared_ptr<PredictionRequest>> waiting;
    std::size_t pending = 0;  // that wait or run
    Seconds used{0};          // what it computed, on the clock that all queues share
  };

  void work();
  Queue* next();

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<const LoadedModel*, Queue> queues_;  // of versions with pending requests
  Seconds clock_{0};                            // `used` of the queue that was served last
  bool stop_ = false;
  std::atomic<std::size_t> pending_{0};
  std::vector<std::thread> threads_;
};

}  // namespace modelctl::serve
