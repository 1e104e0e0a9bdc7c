// Decides which prediction runs next, and runs it: one bounded queue for each version of a model, and one set of
// threads for all of them.
//
//   submit -> waiting -> decode -> run -> encode -> send                       a version that is not batched
//   submit -> waiting -> decode -> decoded -> run several -> encode -> send    one that is (batching.hpp)
//
// A request that takes less than a thread takes to wake (LoadedModel::runs_briefly) runs on the thread that submits it,
// as long as a worker is free: that worker's turn, without the way to it.
//
// The threads are shared fairly between versions by the time that they compute, not by requests: a model of 100 ms and
// one of 1 ms that are both overloaded get half of the machine each. A version that was idle gains no credit for it.
#pragma once

#include "serve/metrics.hpp"
#include "serve/models/batching.hpp"
#include "serve/models/prediction.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <thread>

namespace modelctl::serve {

class Scheduler {
 public:
  struct Limits {
    std::size_t workers;                      // predictions, or batches of them, that run at a time
    std::size_t queue;                        // requests of one version that may wait
    std::size_t batch_max = 1;                // rows of one batch; 1: none is batched
    std::chrono::nanoseconds batch_delay{0};  // that a decoded request may wait for others
    std::size_t shadows = 64;                 // copies that may wait
  };

  // Another version that is ready, for a request whose version has lost its process; null if there is none.
  using Reroute = std::function<std::shared_ptr<LoadedModel>(PredictionRequest&, const LoadedModel& lost)>;

  Scheduler(Limits limits, Metrics& metrics, Reroute reroute = nullptr);
  ~Scheduler();  // completes what still waits

  // Any thread; blocks no longer than a brief request runs. From now on the request keeps its version, and will be
  // completed: at once with an error if the version's queue is full, or so long that the request's deadline would pass;
  // at once if it is brief; else by a worker.
  void submit(std::shared_ptr<PredictionRequest> request, std::shared_ptr<LoadedModel> model);
  // Requests that wait or run, of all versions; without copies.
  std::size_t pending() const { return pending_; }
  std::size_t workers() const { return threads_.size(); }

 private:
  using Seconds = std::chrono::duration<double>;
  struct Decoded {
    std::shared_ptr<PredictionRequest> request;
    std::vector<Tensor> inputs;
    TimePoint since;
    std::chrono::nanoseconds decoding;  // what it took
  };
  struct Queue {
    std::shared_ptr<LoadedModel> model;
    std::deque<std::shared_ptr<PredictionRequest>> waiting;
    std::deque<Decoded> decoded;  // of a batched version
    std::size_t pending = 0;      // that wait or run
    Seconds used{0};              // what it computed, on the clock that all queues share
  };
  // A copy of a request for a version whose outputs nobody waits for.
  struct Shadow {
    std::shared_ptr<LoadedModel> model;
    std::vector<Tensor> inputs;
  };
  class YieldToRequests;

  void work();
  bool due(const Queue& queue, TimePoint now) const;
  Queue* next(TimePoint now, TimePoint& wake_at);
  bool runs_here(const PredictionRequest& request, const LoadedModel& model) const;
  void run_one(Queue& queue, std::shared_ptr<PredictionRequest> request, std::unique_lock<std::mutex>& lock);
  void run_batch(Queue& queue, std::unique_lock<std::mutex>& lock);
  void run_shadow(std::unique_lock<std::mutex>& lock);
  // What a run for one request gave, and which version it was if not the one that was asked for.
  struct Answer {
    Result<std::vector<Tensor>> outputs;
    std::shared_ptr<LoadedModel> other = nullptr;
    bool repeated = false;
  };
  // `lost`: how a run with other requests failed, if the process ended with it. This is the second run then.
  Answer run_alone(LoadedModel& model, std::span<const Tensor> inputs, PredictionRequest& request,
                   InferenceStatistics::Stages& stages, const Error* lost = nullptr);
  Answer repeat(LoadedModel& model, std::span<const Tensor> inputs, PredictionRequest& request, Error lost);
  bool await(LoadedModel& model, const PredictionRequest& request);
  Seconds expected_wait() const;
  void offer_shadow(PredictionRequest& request, const std::vector<Tensor>& inputs) noexcept;
  // Sends the responses, which are encoded, and accounts for what they took.
  void finish(Queue& queue, std::span<std::shared_ptr<PredictionRequest>> requests, Seconds took,
              std::unique_lock<std::mutex>& lock);

  const Limits limits_;
  Metrics& metrics_;
  const Reroute reroute_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<const LoadedModel*, Queue> queues_;  // of versions with pending requests
  std::deque<Shadow> shadows_;
  Seconds clock_{0};  // `used` of the queue that was served last
  bool stop_ = false;
  std::size_t idle_ = 0;       // workers that wait
  std::size_t awaiting_ = 0;   // workers that wait for a process
  std::size_t here_ = 0;       // requests that run on the threads that submitted them
  std::size_t unstarted_ = 0;  // requests that no worker has taken
  std::atomic<std::size_t> pending_{0};
  std::atomic<bool> wanted_{false};  // there are more requests than idle workers
  std::vector<std::thread> threads_;
};

}  // namespace modelctl::serve
