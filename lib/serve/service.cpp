// Selection and admission in one place, so that no front end and no dialect has rules of its own.
#include "serve/service.hpp"

#include "serve/isolation/isolated_executor.hpp"
#include "serve/models/sessions.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

// Zero means one for each CPU that the process may use: its affinity mask and its control group's quota.
std::size_t worker_count(const Settings& settings) {
  if (settings.workers > 0) return settings.workers;
  return static_cast<std::size_t>(runtime::ThreadPool::default_threads());
}

// All requests that are under way fit into --max-buffered, and so does the one of this area. Pages that are not used
// take no memory.
std::uint64_t area_bytes(const Settings& settings) {
  constexpr std::uint64_t least = 1 << 20;
  return (std::max(settings.max_buffered, least) + least - 1) / least * least;
}

WorkerLimits worker_limits(const Settings& settings) {
  const std::size_t predictions = worker_count(settings);
  const std::uint64_t memory =
      settings.isolate_memory > 0 ? settings.isolate_memory : predictions * settings.max_memory;
  return {.predictions = predictions,
          .threads = settings.threads,
          .area_bytes = area_bytes(settings),
          .prediction_bytes = settings.max_memory,
          .prediction_time = milliseconds(settings.max_time),
          .process_bytes = memory,
          .nice = static_cast<int>(settings.isolate_nice),
          .grace = milliseconds(settings.isolate_grace)};
}

}  // namespace

Service::Service(const Settings& settings, WorkerProgram program)
    : settings_(settings),
      memory(settings.max_buffered),
      workers(std::make_shared<WorkerMonitor>(metrics)),
      program_(std::move(program)),
      threads_(std::make_shared<runtime::ThreadPool>(settings.isolate ? 1 : static_cast<int>(settings.threads))),
      scheduler_({.workers = worker_count(settings),
                  .queue = settings.queue,
                  .batch_max = settings.batch_max,
                  .batch_delay = std::chrono::nanoseconds(static_cast<std::int64_t>(settings.batch_delay * 1e9)),
                  .shadows = settings.queue},
                 metrics, [this](PredictionRequest& request, const LoadedModel& lost) {
                   return registry.alternative(request, lost);
                 }) {
  if (settings.isolate) workers->on_change([this] { registry.refresh(); });
  metrics.declare("modelctl_requests_total", "counter",
                  "Requests answered, by model, version, status code and protocol.");
  metrics.declare("modelctl_request_duration_seconds", "histogram",
                  "Time from a request's last byte in to its answer: waiting and computing.");
  metrics.declare("modelctl_queue_duration_seconds", "histogram", "Time that a prediction waited for a worker.");
  metrics.declare("modelctl_inflight", "gauge", "Predictions that run or wait now.");
  metrics.declare("modelctl_failed_connections_total", "counter",
                  "Connections that ended without a response because the server failed, for lack of memory above all.");
  metrics.declare("modelctl_model_info", "gauge", "The model that is served; always 1.");
  metrics.declare("modelctl_ready", "gauge", "1 while the service is ready to answer predictions.");
  metrics.set("modelctl_failed_connections_total", {}, 0);
}

Service::~Service() { workers->detach(); }

std::shared_ptr<LoadedModel> Service::prepare(std::shared_ptr<const runtime::Model> model, ModelInfo info) const {
  if (settings_.isolate) {
    auto executor =
        std::make_unique<IsolatedExecutor>(model, program_, worker_limits(settings_), info.name, info.version, workers);
    return std::make_shared<LoadedModel>(std::move(model), std::move(info), settings_, std::move(executor));
  }
  const runtime::Session::Limits limits{.memory_bytes = settings_.max_memory, .time = milliseconds(settings_.max_time)};
  auto executor = std::make_unique<Sessions>(model, limits, threads_);
  return std::make_shared<LoadedModel>(std::move(model), std::move(info), settings_, std::move(executor));
}

Result<std::shared_ptr<LoadedModel>> Service::select(const ModelSelector& wanted, PredictionRequest* request) {
  auto found = router_.select(wanted, request);
  if (found || found.error().kind != Kind::not_found) return found;
  const bool no_model = found.error().code == "no-such-model";
  auto table = router_.table();
  const std::string model = wanted.model.empty() && table->size() == 1 ? table->begin()->first : wanted.model;
  std::string version = wanted.version;
  if (auto routes = table->find(model); version.empty() && routes != table->end()) {
    auto label = routes->second.rules.labels.find(wanted.label);
    if (label != routes->second.rules.labels.end()) version = label->second;
  }
  std::string reason = no_model || !version.empty() ? registry.reason(model, no_model ? "" : version) : "";
  if (reason.empty()) return found;
  std::string what =
      no_model ? fmt::format("the model '{}'", model) : fmt::format("version '{}' of '{}'", version, model);
  return Error(Kind::unavailable, "not-ready", fmt::format("{} is not ready to answer", what)).because(reason);
}

std::vector<std::string> Service::versions(const std::string& model) const {
  auto table = router_.table();
  auto found = model.empty() && table->size() == 1 ? table->begin() : table->find(model);
  std::vector<std::string> versions;
  if (found == table->end()) return versions;
  for (const auto& [version, loaded] : found->second.versions) versions.push_back(version);
  std::sort(versions.begin(), versions.end(), [](auto& a, auto& b) { return later_version(b, a); });
  return versions;
}

Result<ListeningSocket> Service::listen(std::string_view listener, const std::string& address, std::string_view flag) {
  if (manager_ != nullptr) {
    if (auto passed = TRY(manager_->take_socket(listener))) return std::move(*passed);
  }
  return listen_on(address, flag);
}

Result<void> Service::load_model(const std::string& model) {
  if (control_ != nullptr) return control_->load(model);
  return Error(Kind::unsupported, "no-control", "this server cannot load models");
}

Result<void> Service::unload_model(const std::string& model) {
  if (control_ != nullptr) return control_->unload(model);
  return Error(Kind::unsupported, "no-control", "this server cannot unload models");
}

void Service::record(const PredictionRequest& request, const LoadedModel* model, int status,
                     std::string_view protocol) {
  using Seconds = std::chrono::duration<double>;
  MetricLabels labels{{"model", model == nullptr ? "" : model->info().name},
                      {"version", model == nullptr ? "" : model->info().version},
                      {"protocol", std::string(protocol)}};
  metrics.observe("modelctl_queue_duration_seconds", labels, Seconds(request.started - request.arrived).count());
  metrics.observe("modelctl_request_duration_seconds", labels,
                  Seconds(std::chrono::steady_clock::now() - request.arrived).count());
  labels.insert(labels.begin() + 2, {"code", std::to_string(status)});
  metrics.count("modelctl_requests_total", labels);
}

void Service::predict(std::shared_ptr<PredictionRequest> request) {
  auto selected = select(request->selector, request.get());
  if (selected) return scheduler_.submit(std::move(request), std::move(*selected));
  request->encode(nullptr, std::move(selected).error());
  request->send();
}

}  // namespace modelctl::serve
