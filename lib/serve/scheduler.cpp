// Fair queueing by start times: each queue has a clock that advances with what it computes, the queue whose clock is
// least goes next, and a queue that was empty starts at the clock of the one served last (Goyal, Vin, Cheng,
// "Start-time fair queueing", 1996).
#include "serve/scheduler.hpp"

#include "serve/guarded.hpp"

#include <algorithm>

namespace modelctl::serve {
namespace {

Error queue_full() { return {Kind::retry_later, "queue-full", "too many predictions are waiting"}; }

Result<std::vector<Tensor>> predict(PredictionRequest& request, LoadedModel& model) {
  return guarded([&]() -> Result<std::vector<Tensor>> {
    auto inputs = TRY(request.decode(model));
    return model.predict(inputs);
  });
}

}  // namespace

Scheduler::Scheduler(Limits limits) : limits_(limits) {
  for (std::size_t i = 0; i < std::max<std::size_t>(limits.workers, 1); ++i) threads_.emplace_back([this] { work(); });
}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Scheduler::submit(std::shared_ptr<PredictionRequest> request, std::shared_ptr<LoadedModel> model) {
  const LoadedModel& version = *model;
  {
    std::lock_guard lock(mutex_);
    auto [at, created] = queues_.try_emplace(&version);
    Queue& queue = at->second;
    if (created) {
      queue.model = model;
      queue.used = clock_;
    }
    // A worker that is free has not taken its request yet: those places count, too.
    if (queue.pending < limits_.workers + limits_.queue) {
      queue.waiting.push_back(request);
      ++queue.pending;
      ++pending_;
      request = nullptr;
    }
  }
  if (request == nullptr) return wake_.notify_one();
  request->encode(&version, queue_full());
  request->send();
}

Scheduler::Queue* Scheduler::next() {
  Queue* best = nullptr;
  for (auto& [model, queue] : queues_) {
    if (!queue.waiting.empty() && (best == nullptr || queue.used < best->used)) best = &queue;
  }
  return best;
}

void Scheduler::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Queue* queue = nullptr;
    wake_.wait(lock, [&] { return (queue = next()) != nullptr || stop_; });
    if (queue == nullptr) return;
    auto request = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    clock_ = queue->used;
    lock.unlock();

    request->started = std::chrono::steady_clock::now();
    request->encode(queue->model.get(), predict(*request, *queue->model));
    Seconds took = std::chrono::steady_clock::now() - request->started;

    lock.lock();
    queue->used += took;
    --pending_;
    std::shared_ptr<LoadedModel> last;  // the version may end with it, outside the lock
    if (--queue->pending == 0) {
      last = std::move(queue->model);
      queues_.erase(last.get());
    }
    lock.unlock();
    request->send();
    request = nullptr;
    last = nullptr;
    lock.lock();
  }
}

}  // namespace modelctl::serve
