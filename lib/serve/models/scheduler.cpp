// Fair queueing by start times: each queue has a clock that advances with what it computes, the queue whose clock is
// least goes next, and a queue that was empty starts at the clock of the one served last (Goyal, Vin, Cheng,
// "Start-time fair queueing", 1996).
//
// A batch is due when it is full, or when its oldest request has waited for `batch_delay` and none is left to decode:
// without a delay a batch is what came while all workers were busy, and a request that comes alone is never held.
#include "serve/models/scheduler.hpp"

#include "serve/guarded.hpp"

#include <algorithm>

namespace modelctl::serve {
namespace {

using Outputs = Result<std::vector<Tensor>>;
using Stages = InferenceStatistics::Stages;

// How long a request waits for the next process.
constexpr std::chrono::seconds longest_await{2};

Error queue_full() { return {Kind::retry_later, "queue-full", "too many predictions are waiting"}; }

Error too_late() {
  return {Kind::retry_later, "deadline-exceeded", "the request cannot be answered within the time that it gives"};
}

// Why a request that was taken from its queue need not run.
std::optional<Error> pointless(const PredictionRequest& request) {
  if (request.cancelled.stopped()) return Error(Kind::interrupted, "client-gone", "the client has disconnected");
  if (request.started >= request.deadline) return too_late();
  return std::nullopt;
}

Outputs predict(LoadedModel& model, std::span<const Tensor> inputs, const PredictionRequest& request) {
  auto outputs = guarded([&] { return model.predict(inputs, {request.deadline, &request.cancelled}); });
  // The model's own limit has a message of its own.
  if (!outputs && outputs.error().code == "time-limit" && std::chrono::steady_clock::now() >= request.deadline)
    return too_late();
  return outputs;
}

// Counted before the response is sent, so that a client that has it finds it in the statistics.
void answer(LoadedModel& model, PredictionRequest& request, Outputs outputs, Stages& stages, std::uint64_t rows) {
  TimePoint start = std::chrono::steady_clock::now();
  bool good = outputs.has_value();
  request.encode(&model, std::move(outputs));
  TimePoint end = std::chrono::steady_clock::now();
  stages.output = end - start;
  if (good) model.statistics.succeeded(stages, rows);
  else model.statistics.failed(end - request.arrived);
}

}  // namespace

// Ends a shadow's run at its next tile if a request waits for a worker.
class Scheduler::YieldToRequests final : public Interrupt {
 public:
  explicit YieldToRequests(const Scheduler& scheduler) : scheduler_(scheduler) {}
  bool requested() const override {
    if (scheduler_.wanted_.load(std::memory_order_relaxed)) yielded_.store(true, std::memory_order_relaxed);
    return yielded_.load(std::memory_order_relaxed);  // once true it stays true
  }

 private:
  const Scheduler& scheduler_;
  mutable std::atomic<bool> yielded_{false};
};

Scheduler::Scheduler(Limits limits, Metrics& metrics, Reroute reroute)
    : limits_(limits), metrics_(metrics), reroute_(std::move(reroute)) {
  metrics_.declare("modelctl_repeated_predictions_total", "counter",
                   "Predictions that ran again because their worker process had ended, by the version that lost it.");
  metrics_.declare("modelctl_shadow_requests_total", "counter",
                   "Copies of requests, by the version that they went to and what became of them.");
  metrics_.declare("modelctl_batch_size", "histogram", "Rows of each batch that ran.", batch_buckets);
  metrics_.declare("modelctl_batching", "gauge", "1 while the version is batched; 0 if its answers would differ.");
  for (std::size_t i = 0; i < std::max<std::size_t>(limits.workers, 1); ++i) threads_.emplace_back([this] { work(); });
}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    shadows_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// Of a request that is submitted now, if all versions go on as they did.
Scheduler::Seconds Scheduler::expected_wait() const {
  Seconds total{0};
  for (const auto& [model, queue] : queues_) {
    total += static_cast<double>(queue.waiting.size() + queue.decoded.size()) * queue.model->expected_time();
  }
  return total / static_cast<double>(limits_.workers);
}

// Only if a worker would take it at once.
bool Scheduler::runs_here(const PredictionRequest& request, const LoadedModel& model) const {
  return unstarted_ == 0 && here_ < idle_ && limits_.batch_max == 1 && model.runs_briefly() &&
         request.decodes_briefly();
}

void Scheduler::submit(std::shared_ptr<PredictionRequest> request, std::shared_ptr<LoadedModel> model) {
  LoadedModel& version = *model;
  std::optional<Error> refused;
  {
    std::unique_lock lock(mutex_);
    auto [at, created] = queues_.try_emplace(&version);
    Queue& queue = at->second;
    if (created) {
      queue.model = std::move(model);
      queue.used = clock_;
    }
    // A worker that is free has not taken its request yet: those places count, too.
    if (queue.pending >= limits_.workers + limits_.queue) {
      refused = queue_full();
    } else if (request->deadline != TimePoint::max() &&
               std::chrono::steady_clock::now() + expected_wait() + version.expected_time() > request->deadline) {
      refused = too_late();
      if (queue.pending == 0) queue.model->note_refusal();  // else one that runs shows its time
    } else {
      ++queue.pending;
      ++pending_;
      if (runs_here(*request, version)) {
        ++here_;
        run_one(queue, std::move(request), lock);
        --here_;
        return;
      }
      queue.waiting.push_back(request);
      if (++unstarted_ > idle_) wanted_.store(true, std::memory_order_relaxed);
    }
    if (queue.pending == 0) {
      model = std::move(queue.model);
      queues_.erase(at);
    }
  }
  if (!refused) return wake_.notify_one();
  version.statistics.failed(std::chrono::steady_clock::now() - request->arrived);
  request->encode(&version, std::move(*refused));
  request->send();
}

bool Scheduler::due(const Queue& queue, TimePoint now) const {
  if (queue.decoded.empty()) return false;
  if (queue.decoded.size() >= limits_.batch_max) return true;
  return queue.waiting.empty() && (stop_ || queue.decoded.front().since + limits_.batch_delay <= now);
}

// The queue that goes next, of those with something to do now; `wake_at` is when one that waits for its batch has.
Scheduler::Queue* Scheduler::next(TimePoint now, TimePoint& wake_at) {
  Queue* best = nullptr;
  for (auto& [model, queue] : queues_) {
    if (queue.waiting.empty() && !due(queue, now)) {
      if (!queue.decoded.empty()) wake_at = std::min(wake_at, queue.decoded.front().since + limits_.batch_delay);
      continue;
    }
    if (best == nullptr || queue.used < best->used) best = &queue;
  }
  return best;
}

void Scheduler::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    TimePoint now = std::chrono::steady_clock::now(), wake_at = TimePoint::max();
    if (Queue* queue = next(now, wake_at)) {
      clock_ = queue->used;
      if (due(*queue, now)) {
        run_batch(*queue, lock);
      } else {
        auto request = std::move(queue->waiting.front());
        queue->waiting.pop_front();
        --unstarted_;
        run_one(*queue, std::move(request), lock);
      }
      continue;
    }
    wanted_.store(false, std::memory_order_relaxed);
    if (!shadows_.empty()) {
      run_shadow(lock);
      continue;
    }
    if (stop_ && wake_at == TimePoint::max()) return;
    ++idle_;
    if (wake_at == TimePoint::max()) wake_.wait(lock);
    else wake_.wait_until(lock, wake_at);
    --idle_;
  }
}

Scheduler::Answer Scheduler::run_alone(LoadedModel& model, std::span<const Tensor> inputs, PredictionRequest& request,
                                       Stages& stages, const Error* lost) {
  TimePoint start = std::chrono::steady_clock::now();
  Answer answer{lost != nullptr ? Outputs(*lost) : predict(model, inputs, request)};
  if (!answer.outputs && lost_process(answer.outputs.error()))
    answer = repeat(model, inputs, request, std::move(answer.outputs).error());
  stages.infer = std::chrono::steady_clock::now() - start;
  return answer;
}

// A request whose worker process ended runs once more: in another version that is ready, else in the next process. It
// has no answer yet, so it cannot get two.
Scheduler::Answer Scheduler::repeat(LoadedModel& model, std::span<const Tensor> inputs, PredictionRequest& request,
                                    Error lost) {
  auto other = reroute_ ? reroute_(request, model) : nullptr;
  request.shadow = nullptr;  // it has been offered
  if (other == nullptr && !await(model, request)) return {std::move(lost)};
  metrics_.count("modelctl_repeated_predictions_total",
                 {{"model", model.info().name}, {"version", model.info().version}});
  auto outputs = predict(other ? *other : model, inputs, request);
  return {std::move(outputs), std::move(other), true};
}

// Half of the workers wait at most: the other half goes on with other models.
bool Scheduler::await(LoadedModel& model, const PredictionRequest& request) {
  std::unique_lock lock(mutex_);
  if (awaiting_ >= std::max<std::size_t>(limits_.workers / 2, 1)) return false;
  ++awaiting_;
  lock.unlock();
  bool again = model.await(std::min(request.deadline, std::chrono::steady_clock::now() + longest_await));
  lock.lock();
  --awaiting_;
  return again;
}

void Scheduler::run_one(Queue& queue, std::shared_ptr<PredictionRequest> request, std::unique_lock<std::mutex>& lock) {
  lock.unlock();

  LoadedModel& model = *queue.model;
  request->started = std::chrono::steady_clock::now();
  auto why = pointless(*request);
  Result<Inputs> inputs = why ? Result<Inputs>(std::move(*why)) : guarded([&] { return request->decode(model); });
  TimePoint decoded = std::chrono::steady_clock::now();
  if (inputs) offer_shadow(*request, *inputs);
  bool batched = inputs && limits_.batch_max > 1 && model.batched() && rows_of(*inputs);
  if (batched) {
    lock.lock();
    queue.used += decoded - request->started;
    auto decoding = decoded - request->started;
    queue.decoded.push_back({std::move(request), std::move(*inputs), decoded, decoding});
    return;
  }
  Stages stages{request->started - request->arrived, decoded - request->started, {}, {}};
  std::uint64_t rows = inputs ? model.rows(*inputs) : 0;
  Answer run = inputs ? run_alone(model, *inputs, *request, stages) : Answer{std::move(inputs).error()};
  bool ran = run.outputs.has_value();
  LoadedModel& answering = run.other ? *run.other : model;
  answer(answering, *request, std::move(run.outputs), stages, rows);
  if (ran) answering.statistics.executed(stages, rows);
  Seconds took = std::chrono::steady_clock::now() - request->started;
  // What cannot be read says nothing about the model, and neither does what was lost.
  if (inputs && !run.repeated) model.note_time(took);
  finish(queue, {&request, 1}, took, lock);
}

namespace {

// The longest run of requests from the front, of one row shape, that together have a batch's number of rows.
template <class Decoded>
std::size_t batch_length(const std::deque<Decoded>& decoded, std::int64_t most) {
  std::size_t best = 1;
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    if (!same_row_shape(decoded[i].inputs, decoded[0].inputs)) break;
    rows += *rows_of(decoded[i].inputs);
    if (rows > most) break;
    if (is_batch_size(rows, most)) best = i + 1;
  }
  return best;
}

}  // namespace

void Scheduler::run_batch(Queue& queue, std::unique_lock<std::mutex>& lock) {
  auto most = static_cast<std::int64_t>(limits_.batch_max);
  std::vector<Decoded> batch;
  for (std::size_t left = batch_length(queue.decoded, most); left > 0; --left) {
    batch.push_back(std::move(queue.decoded.front()));
    queue.decoded.pop_front();
  }
  lock.unlock();

  LoadedModel& model = *queue.model;
  TimePoint start = std::chrono::steady_clock::now();
  std::int64_t rows = 0;
  std::vector<const Inputs*> all;
  for (const Decoded& each : batch) {
    rows += *rows_of(each.inputs);
    all.push_back(&each.inputs);
  }
  Outputs together = Error(Kind::unavailable, "not-batched", "");
  if (batch.size() > 1 && model.may_batch(batch[0].inputs, rows))
    together = guarded([&]() -> Outputs { return model.predict(stack(all)); });
  const Error* lost = !together && lost_process(together.error()) ? &together.error() : nullptr;
  Stages batch_stages{.infer = std::chrono::steady_clock::now() - start};
  const MetricLabels labels{{"model", model.info().name}, {"version", model.info().version}};
  std::int64_t first = 0;
  std::vector<std::shared_ptr<PredictionRequest>> done;
  for (Decoded& each : batch) {
    std::int64_t own = *rows_of(each.inputs);
    Stages stages{start - each.request->arrived - each.decoding, each.decoding, batch_stages.infer, {}};
    Answer run;
    std::optional<std::vector<Tensor>> slice;
    if (together) slice = slice_rows(*together, first, own, rows);
    first += own;
    // What fails together is tried alone: the fault is in one request, and the others have their answers.
    if (slice) run.outputs = std::move(*slice);
    else run = run_alone(model, each.inputs, *each.request, stages, lost);
    bool ran = !slice && run.outputs.has_value();
    LoadedModel& answering = run.other ? *run.other : model;
    answer(answering, *each.request, std::move(run.outputs), stages, static_cast<std::uint64_t>(own));
    if (ran) answering.statistics.executed(stages, static_cast<std::uint64_t>(own));
    batch_stages.input += stages.input;
    batch_stages.output += stages.output;
    done.push_back(std::move(each.request));
  }
  if (together) model.statistics.executed(batch_stages, static_cast<std::uint64_t>(rows));
  Seconds took = std::chrono::steady_clock::now() - start;
  model.note_time(took / static_cast<double>(done.size()));
  metrics_.observe("modelctl_batch_size", labels, static_cast<double>(rows));
  metrics_.set("modelctl_batching", labels, model.batched() ? 1 : 0);
  finish(queue, done, took, lock);
}

void Scheduler::finish(Queue& queue, std::span<std::shared_ptr<PredictionRequest>> requests, Seconds took,
                       std::unique_lock<std::mutex>& lock) {
  lock.lock();
  queue.used += took;
  pending_ -= requests.size();
  queue.pending -= requests.size();
  std::shared_ptr<LoadedModel> last;  // the version may end with it, outside the lock
  if (queue.pending == 0) {
    last = std::move(queue.model);
    queues_.erase(last.get());
  }
  lock.unlock();
  for (auto& request : requests) {
    request->send();
    request = nullptr;
  }
  last = nullptr;
  lock.lock();
}

// The copy shares the tensors' memory. Refused here, it costs the caller nothing but this look.
void Scheduler::offer_shadow(PredictionRequest& request, const std::vector<Tensor>& inputs) noexcept try {
  if (request.shadow == nullptr) return;
  auto model = std::move(request.shadow);
  const ModelInfo info = model->info();
  bool taken = false;
  {
    std::lock_guard lock(mutex_);
    taken = !stop_ && shadows_.size() < limits_.shadows;
    if (taken) shadows_.push_back({std::move(model), inputs});
  }
  if (taken) return wake_.notify_one();
  metrics_.count("modelctl_shadow_requests_total",
                 {{"model", info.name}, {"version", info.version}, {"outcome", "dropped"}});
} catch (...) {  // no memory for the copy: it is dropped
}

void Scheduler::run_shadow(std::unique_lock<std::mutex>& lock) {
  Shadow shadow = std::move(shadows_.front());
  shadows_.pop_front();
  lock.unlock();
  YieldToRequests yield(*this);
  auto outputs = guarded([&] { return shadow.model->predict(shadow.inputs, {TimePoint::max(), &yield}); });
  const ModelInfo& info = shadow.model->info();
  const char* outcome = outputs ? "completed" : yield.requested() ? "dropped" : "failed";
  metrics_.count("modelctl_shadow_requests_total",
                 {{"model", info.name}, {"version", info.version}, {"outcome", outcome}});
  shadow = {};
  lock.lock();
}

}  // namespace modelctl::serve
