// The core that all front ends share: what is served, who computes it, and the state that health and metrics report.
#pragma once

#include "runtime/thread_pool.hpp"
#include "serve/access_log.hpp"
#include "serve/client_limits.hpp"
#include "serve/isolation/worker_monitor.hpp"
#include "serve/isolation/worker_process.hpp"
#include "serve/memory_budget.hpp"
#include "serve/metrics.hpp"
#include "serve/models/model_registry.hpp"
#include "serve/models/scheduler.hpp"
#include "serve/openapi.hpp"
#include "serve/operations.hpp"
#include "serve/service_manager.hpp"
#include "serve/settings.hpp"
#include "serve/tls_files.hpp"
#include "serve/tokens.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace modelctl::serve {

// Loads and unloads models while others are served. Calls block, and come from one thread at a time.
class ModelControl {
 public:
  virtual ~ModelControl() = default;
  virtual Result<void> load(const std::string& model) = 0;
  virtual Result<void> unload(const std::string& model) = 0;
};

// Starts with no model: alive, not ready. Ready once a version is, unless more are being loaded at the start; drain()
// makes it unready for good.
class Service {
 public:
  // `program` is what worker processes run, if the settings isolate models.
  explicit Service(const Settings& settings = {}, WorkerProgram program = {});
  ~Service();

  const Settings& settings() const { return settings_; }

  // A model with the service's limits and threads, not yet served.
  std::shared_ptr<LoadedModel> prepare(std::shared_ptr<const runtime::Model> model, ModelInfo info) const;
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // Another process has the place of this one: clients are asked to go there, and what they send is served.
  void leave() { leaving_ = true; }
  bool leaving() const { return draining_ || leaving_; }
  // Not ready until it is called again with false, whatever is loaded.
  void set_starting(bool starting) { starting_ = starting; }
  bool ready() const { return !draining_ && !starting_ && !router_.table()->empty(); }

  // The version that a selector means, and for a request the one that the rules of its model give it. A model that is
  // known and has no version that is ready, is unavailable (503). A server that drains still has its models.
  Result<std::shared_ptr<LoadedModel>> select(const ModelSelector& selector, PredictionRequest* request = nullptr);
  // Those of a model that are ready; the only model if it is not named.
  std::vector<std::string> versions(const std::string& model) const;
  std::shared_ptr<const RoutingTable> routing_table() const { return router_.table(); }
  // The only way to a prediction, for every front end: selects the version and hands the request to the scheduler.
  // Never blocks; the request is completed in any case.
  void predict(std::shared_ptr<PredictionRequest> request);
  // Counts and times a prediction that has its response. `status` is that of HTTP, whatever the protocol, so that one
  // query of the metrics finds all failures.
  void record(const PredictionRequest& request, const LoadedModel* model, int status, std::string_view protocol);
  // Predictions that run or wait.
  std::size_t pending() const { return scheduler_.pending(); }
  // Threads of a front end that move bytes: one for each worker, since brief predictions run on them; and at least two,
  // because one that writes a large response must not delay health.
  std::size_t front_end_threads() const { return std::max<std::size_t>(scheduler_.workers(), 2); }

  // Listens on the address of a setting, or on the socket that the service manager passed for that listener.
  Result<ListeningSocket> listen(std::string_view listener, const std::string& address, std::string_view flag);
  void set_manager(ServiceManager* manager) { manager_ = manager; }

  // For operators, before the server starts.
  void set_control(ModelControl* control) { control_ = control; }
  Result<void> load_model(const std::string& model);
  Result<void> unload_model(const std::string& model);

 private:
  const Settings settings_;  // first, since the others read it

 public:
  Metrics metrics;
  OpenApi openapi;
  MemoryBudget memory;  // for the requests and responses of all front ends
  TlsFiles tls{settings_, metrics};
  Tokens tokens{settings_};
  RequestIdentities identities;
  std::atomic<bool> reports_info{true};  // to people; warnings always
  AccessLog access_log{settings_, metrics};
  ClientLimits limits{settings_, metrics};
  const std::shared_ptr<WorkerMonitor> workers;  // what became of worker processes

 private:
  const WorkerProgram program_;
  Router router_;

 public:
  ModelRegistry registry{router_, metrics};
  Operations operations;  // what may take long; ends before what it uses

 private:
  std::shared_ptr<runtime::ThreadPool> threads_;
  ModelControl* control_ = nullptr;
  ServiceManager* manager_ = nullptr;
  std::atomic<bool> draining_{false}, leaving_{false};
  std::atomic<bool> starting_{false};
  Scheduler scheduler_;  // ends first, with its last requests
};

}  // namespace modelctl::serve
