// The list is bounded: a server without a main loop, as in tests, never takes from it.
#include "serve/isolation/worker_monitor.hpp"

#include <utility>

namespace modelctl::serve {

constexpr std::size_t most_changes = 1000;

WorkerMonitor::WorkerMonitor(Metrics& metrics) : metrics_(&metrics) {
  metrics.declare("modelctl_worker_failures_total", "counter",
                  "Worker processes that ended while they were needed, by the reason.");
  metrics.declare("modelctl_worker_up", "gauge", "1 while the worker process of the version can predict.");
}

void WorkerMonitor::on_change(std::function<void()> changed) {
  watcher_ = std::thread([this, changed = std::move(changed)] { watch(changed); });
}

void WorkerMonitor::watch(const std::function<void()>& changed) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !fresh_.empty() || metrics_ == nullptr; });
    if (metrics_ == nullptr) return;
    std::vector<WorkerChange> changes = std::exchange(fresh_, {});
    lock.unlock();
    changed();
    lock.lock();
    for (WorkerChange& change : changes) {
      if (changes_.size() < most_changes) changes_.push_back(std::move(change));
    }
  }
}

void WorkerMonitor::detach() {
  {
    std::lock_guard lock(mutex_);
    metrics_ = nullptr;
  }
  wake_.notify_all();
  if (watcher_.joinable()) watcher_.join();
}

void WorkerMonitor::begin(const std::string& model, const std::string& version) {
  std::lock_guard lock(mutex_);
  ++executors_[{model, version}];
  if (metrics_ != nullptr) metrics_->set("modelctl_worker_up", {{"model", model}, {"version", version}}, 1);
}

void WorkerMonitor::report(WorkerChange change) {
  std::lock_guard lock(mutex_);
  if (metrics_ == nullptr) return;
  MetricLabels labels{{"model", change.model}, {"version", change.version}};
  metrics_->set("modelctl_worker_up", labels, change.reason.empty() ? 1 : 0);
  if (!change.reason.empty()) {
    labels.emplace_back("reason", change.reason);
    metrics_->count("modelctl_worker_failures_total", labels);
  }
  auto& to = watcher_.joinable() ? fresh_ : changes_;
  if (to.size() < most_changes) to.push_back(std::move(change));
  wake_.notify_all();
}

void WorkerMonitor::end(const std::string& model, const std::string& version) {
  std::lock_guard lock(mutex_);
  auto executors = executors_.find({model, version});
  if (executors == executors_.end() || --executors->second > 0) return;
  executors_.erase(executors);
  if (metrics_ != nullptr) metrics_->remove("modelctl_worker_up", {{"model", model}, {"version", version}});
}

std::vector<WorkerChange> WorkerMonitor::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(changes_, {});
}

}  // namespace modelctl::serve
