// A lane is what one prediction needs for itself: a session (arena, bound shapes) and its threads. Lanes are made on
// demand up to the number of workers and kept, most recently used first: its arena is the one still in the cache.
#include "serve/service.hpp"

#include "runtime/thread_pool.hpp"

#include <algorithm>

namespace modelctl::serve {

// One prediction at a time: a session and the threads it spreads over.
struct LoadedModel::Lane {
  runtime::ThreadPool workers;
  runtime::Session session;

  Lane(const std::shared_ptr<const runtime::Model>& model, int threads, runtime::Session::Limits limits)
      : workers(threads), session(model, workers, limits) {}
};

LoadedModel::LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings)
    : model_(std::move(model)),
      info_(std::move(info)),
      settings_(settings),
      lanes_(settings.workers > 0 ? static_cast<int>(settings.workers) : runtime::ThreadPool::default_threads()) {}

LoadedModel::~LoadedModel() = default;

// The number of lanes counts those in use too, so that it never exceeds the number of workers. The server has as many
// threads that predict as there are lanes: a wait happens only to other callers, such as the warm-up.
std::unique_ptr<LoadedModel::Lane> LoadedModel::take_lane() {
  std::unique_lock lock(mutex_);
  free_.wait(lock, [this] { return !idle_.empty() || made_ < lanes_; });
  if (!idle_.empty()) {
    auto lane = std::move(idle_.back());
    idle_.pop_back();
    return lane;
  }
  runtime::Session::Limits limits{.memory_bytes = settings_.max_memory, .time = milliseconds(settings_.max_time)};
  idle_.reserve(static_cast<std::size_t>(lanes_));  // so that giving a lane back cannot fail
  auto lane = std::make_unique<Lane>(model_, static_cast<int>(settings_.threads), limits);
  ++made_;
  return lane;
}

void LoadedModel::give_back(std::unique_ptr<Lane> lane) {
  {
    std::lock_guard lock(mutex_);
    if (lane) idle_.push_back(std::move(lane));
    else --made_;
  }
  free_.notify_one();
}

Result<std::vector<Tensor>> LoadedModel::predict(std::span<const TensorView> inputs) {
  auto lane = take_lane();
  try {
    auto outputs = lane->session.run(inputs);
    give_back(std::move(lane));
    return outputs;
  } catch (...) {
    // What an interrupted run leaves in its session is not known: the next caller gets a new one.
    lane.reset();
    give_back(nullptr);
    throw;
  }
}

Service::Service() {
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

}  // namespace modelctl::serve
