// What is served: one loaded model with sessions for its workers, and the state that health and metrics report.
#pragma once

#include "runtime/model.hpp"
#include "serve/metrics.hpp"
#include "serve/settings.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace modelctl::serve {

// Who the model is, from its package's manifest; a bare artifact has a name only.
struct ModelInfo {
  std::string name = "model";
  std::string version = "1";
  std::string digest;                     // of the manifest
  std::string signer;                     // who signed it
  std::map<std::string, double> quality;  // "accuracy" -> 0.987, from the manifest
};

// A model that can predict. A session is created when a caller needs one and none is free, and then kept.
class LoadedModel {
 public:
  LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings);
  ~LoadedModel();

  const ModelInfo& info() const { return info_; }
  const Settings& settings() const { return settings_; }
  const artifact::Signature& signature() const { return model_->signature(); }
  Result<void> check_integrity() const { return model_->check_integrity(); }
  // Waits for a session; any thread may call it. Throws what the run throws, std::bad_alloc above all.
  Result<std::vector<Tensor>> predict(std::span<const TensorView> inputs);

 private:
  struct PooledSession;
  std::unique_ptr<PooledSession> acquire_session();
  void release_session(std::unique_ptr<PooledSession> session);  // null: it is lost; a new one may be created

  std::shared_ptr<const runtime::Model> model_;
  ModelInfo info_;
  const Settings settings_;
  const int session_limit_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<PooledSession>> idle_;
  int created_ = 0;  // sessions, idle or in use
};

// The state that all threads share: the model is replaced as a whole, so that a request keeps the one that it began
// with. Starts with no model: alive, not ready. load() makes it ready, drain() unready for good.
class Service {
 public:
  Service();

  void load(std::shared_ptr<LoadedModel> model);
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }
  bool ready() const { return !draining_ && model() != nullptr; }
  std::shared_ptr<LoadedModel> model() const;

  Metrics metrics;
  std::atomic<std::size_t> predictions{0};  // that run or wait

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<LoadedModel> model_;
  std::atomic<bool> draining_{false};
};

}  // namespace modelctl::serve
