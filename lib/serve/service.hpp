// The core that all front ends share: what is served, who computes it, and the state that health and metrics report.
#pragma once

#include "serve/metrics.hpp"
#include "serve/scheduler.hpp"
#include "serve/settings.hpp"

#include <atomic>
#include <memory>
#include <mutex>

namespace modelctl::serve {

// The model is replaced as a whole, so that a request keeps the one that it began with. Starts with no model: alive,
// not ready. load() makes it ready, drain() unready for good.
class Service {
 public:
  explicit Service(const Settings& settings = {});

  const Settings& settings() const { return settings_; }

  // A model with the service's limits and threads, not yet served.
  std::shared_ptr<LoadedModel> prepare(std::shared_ptr<const runtime::Model> model, ModelInfo info) const;
  void load(std::shared_ptr<LoadedModel> model);
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }
  bool ready() const { return !draining_ && model() != nullptr; }
  std::shared_ptr<LoadedModel> model() const;

  // The version that a selector means. While nothing is loaded, the reason is that (503). A server that drains still
  // has its model.
  Result<std::shared_ptr<LoadedModel>> select(const ModelSelector& selector) const;
  // The only way to a prediction, for every front end: selects the version and hands the request to the scheduler.
  // Never blocks; the request is completed in any case.
  void predict(std::shared_ptr<PredictionRequest> request);
  // Predictions that run or wait.
  std::size_t pending() const { return scheduler_.pending(); }

  Metrics metrics;

 private:
  const Settings settings_;
  std::shared_ptr<runtime::ThreadPool> threads_;
  mutable std::mutex mutex_;
  std::shared_ptr<LoadedModel> model_;
  std::atomic<bool> draining_{false};
  Scheduler scheduler_;  // ends first, with its last requests
};

}  // namespace modelctl::serve
