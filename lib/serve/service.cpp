// A pool of sessions. Each prediction uses one: a session (arena, bound shapes) with its threads. They are created on
// demand up to the number of workers and kept. The one used last is used first: its arena is still in the CPU's cache.
#include "serve/service.hpp"

#include "runtime/thread_pool.hpp"

#include <algorithm>

namespace modelctl::serve {

// One prediction at a time: a session and the threads it spreads over.
struct LoadedModel::PooledSession {
  runtime::ThreadPool workers;
  runtime::Session session;

  PooledSession(const std::shared_ptr<const runtime::Model>& model, int threads, runtime::Session::Limits limits)
      : workers(threads), session(model, workers, limits) {}
};

LoadedModel::LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings)
    : model_(std::move(model)),
      info_(std::move(info)),
      settings_(settings),
      session_limit_(settings.workers > 0 ? static_cast<int>(settings.workers)
                                          : runtime::ThreadPool::default_threads()) {}

LoadedModel::~LoadedModel() = default;

// The number of sessions counts those in use too, so that it never exceeds the number of workers. The server has as
// many threads that predict as there are sessions: a wait happens only to other callers, such as the warm-up.
std::unique_ptr<LoadedModel::PooledSession> LoadedModel::acquire_session() {
  std::unique_lock lock(mutex_);
  free_.wait(lock, [this] { return !idle_.empty() || created_ < session_limit_; });
  if (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }
  runtime::Session::Limits limits{.memory_bytes = settings_.max_memory, .time = milliseconds(settings_.max_time)};
  idle_.reserve(static_cast<std::size_t>(session_limit_));  // so that releasing a session cannot fail
  auto session = std::make_unique<PooledSession>(model_, static_cast<int>(settings_.threads), limits);
  ++created_;
  return session;
}

void LoadedModel::release_session(std::unique_ptr<PooledSession> session) {
  {
    std::lock_guard lock(mutex_);
    if (session) idle_.push_back(std::move(session));
    else --created_;
  }
  free_.notify_one();
}

Result<std::vector<Tensor>> LoadedModel::predict(std::span<const TensorView> inputs) {
  auto pooled = acquire_session();
  try {
    auto outputs = pooled->session.run(inputs);
    release_session(std::move(pooled));
    return outputs;
  } catch (...) {
    // What an interrupted run leaves in its session is not known: the next caller gets a new one.
    pooled.reset();
    release_session(nullptr);
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
