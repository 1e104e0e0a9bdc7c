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
      threads_(std::make_shared<runtime::ThreadPool>(static_cast<int>(settings.threads))),
      scheduler_({worker_count(settings), settings.queue}) {
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

void Service::load(std::shared_ptr<LoadedModel> model) {
  const ModelInfo& info = model->info();
  metrics.set("modelctl_model_info",
              {{"model", info.name}, {"version", info.version}, {"digest", info.digest}, {"signer", info.signer}}, 1);
  for (const auto& [measure, value] : info.quality) {
    // "digits-v2" -> "digits_v2_accuracy": a metric's name has letters, digits and underscores only.
    std::string family = info.name + "_" + measure;
    std::replace_if(
        family.begin(), family.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    if (std::isdigit(static_cast<unsigned char>(family.front()))) family = "_" + family;
    metrics.declare(family, "gauge", "Quality measure '" + measure + "' that the package's manifest states.");
    metrics.set(family, {{"version", info.version}}, value);
  }
  std::lock_guard lock(mutex_);
  model_ = std::move(model);
}

std::shared_ptr<LoadedModel> Service::model() const {
  std::lock_guard lock(mutex_);
  return model_;
}

Result<std::shared_ptr<LoadedModel>> Service::select(const ModelSelector& wanted) const {
  auto found = model();
  if (found == nullptr) return Error(Kind::unavailable, "not-ready", "the model is not ready to answer");
  const ModelInfo& info = found->info();
  if (!wanted.model.empty() && wanted.model != info.name) {
    return Error(Kind::not_found, "no-such-model",
                 fmt::format("there is no model '{}' here; there is '{}'", wanted.model, info.name));
  }
  if (!wanted.version.empty() && wanted.version != info.version) {
    return Error(
        Kind::not_found, "no-such-version",
        fmt::format("there is no version '{}' of '{}' here; there is '{}'", wanted.version, info.name, info.version));
  }
  return found;
}

void Service::predict(std::shared_ptr<PredictionRequest> request) {
  auto selected = select(request->selector);
  if (selected) return scheduler_.submit(std::move(request), std::move(*selected));
  request->encode(nullptr, std::move(selected).error());
  request->send();
}

}  // namespace modelctl::serve
