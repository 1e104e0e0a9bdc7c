// Selection and admission in one place, so that no front end and no dialect has rules of its own.
#include "serve/service.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

// Zero means one for each CPU that the process may use: its affinity mask and its control group's quota.
std::size_t worker_count(const Settings& settings) {
  if (settings.workers > 0) return settings.workers;
  return static_cast<std::size_t>(runtime::ThreadPool::default_threads());
}

}  // namespace

Service::Service(const Settings& settings)
    : settings_(settings),
      memory(settings.max_buffered),
      threads_(std::make_shared<runtime::ThreadPool>(static_cast<int>(settings.threads))),
      scheduler_({.workers = worker_count(settings),
                  .queue = settings.queue,
                  .batch_max = settings.batch_max,
                  .batch_delay = std::chrono::nanoseconds(static_cast<std::int64_t>(settings.batch_delay * 1e9)),
                  .shadows = settings.queue},
                 metrics) {
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

std::shared_ptr<LoadedModel> Service::prepare(std::shared_ptr<const runtime::Model> model, ModelInfo info) const {
  return std::make_shared<LoadedModel>(std::move(model), std::move(info), settings_, threads_);
}

Result<std::shared_ptr<LoadedModel>> Service::select(const ModelSelector& wanted, PredictionRequest* request) {
  auto found = router_.select(wanted, request);
  if (found || found.error().code != "no-such-model") return found;
  std::string reason = registry.reason(wanted.model);
  if (reason.empty()) return found;
  return Error(Kind::unavailable, "not-ready", fmt::format("the model '{}' is not ready to answer", wanted.model))
      .because(reason);
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
