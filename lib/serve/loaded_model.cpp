// The session used last is used first: its arena is still in the CPU's cache.
#include "serve/loaded_model.hpp"

namespace modelctl::serve {

LoadedModel::LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings,
                         std::shared_ptr<runtime::ThreadPool> threads)
    : model_(std::move(model)), info_(std::move(info)), settings_(settings), threads_(std::move(threads)) {}

LoadedModel::~LoadedModel() = default;

std::unique_ptr<runtime::Session> LoadedModel::acquire_session() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
  }
  runtime::Session::Limits limits{.memory_bytes = settings_.max_memory, .time = milliseconds(settings_.max_time)};
  return std::make_unique<runtime::Session>(model_, *threads_, limits);
}

void LoadedModel::release_session(std::unique_ptr<runtime::Session> session) {
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
}

// A session whose run throws is not released: what an interrupted run leaves in it is not known.
Result<std::vector<Tensor>> LoadedModel::predict(std::span<const Tensor> inputs) {
  std::vector<TensorView> views;
  views.reserve(inputs.size());
  for (const Tensor& input : inputs) views.push_back(input.view());
  auto session = acquire_session();
  auto outputs = session->run(views);
  release_session(std::move(session));
  return outputs;
}

}  // namespace modelctl::serve
