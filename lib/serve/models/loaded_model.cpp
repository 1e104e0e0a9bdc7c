// Predictions, and what is learnt of a version from those that ran.
#include "serve/models/loaded_model.hpp"

#include "serve/models/batching.hpp"

namespace modelctl::serve {

LoadedModel::LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings,
                         std::unique_ptr<Executor> executor)
    : model_(std::move(model)),
      info_(std::move(info)),
      settings_(settings),
      executor_(std::move(executor)),
      has_rows_(has_batch_dimension(*model_)),
      batched_(settings.batch_max > 1 && has_rows_) {}

Result<std::vector<Tensor>> LoadedModel::predict(std::span<const Tensor> inputs, runtime::Session::RunLimits limits) {
  std::vector<TensorView> views;
  views.reserve(inputs.size());
  for (const Tensor& input : inputs) views.push_back(input.view());
  return executor_->run(views, limits);
}

// Shapes come from clients: beyond this number of them, requests run alone.
constexpr std::size_t most_trials = 1000;

// One part in eight is new: a single slow run must not have the next requests refused.
void LoadedModel::note_time(Seconds took) {
  double before = expected_seconds_.load(std::memory_order_relaxed);
  expected_seconds_.store(before == 0 ? took.count() : before + (took.count() - before) / 8, std::memory_order_relaxed);
  // Steps up for what took longer and down for the rest meet at the median, which a slow run now and then does not
  // move.
  double median = median_seconds_.load(std::memory_order_relaxed);
  median_seconds_.store(std::max(took.count() > median ? median * 1.125 : median * 0.875, 1e-6),
                        std::memory_order_relaxed);
}

bool LoadedModel::runs_briefly() const {
  constexpr double brief = 100e-6;
  return executor_->predictable() && median_seconds_.load(std::memory_order_relaxed) < brief;
}

std::uint64_t LoadedModel::rows(std::span<const Tensor> inputs) const {
  return has_rows_ ? static_cast<std::uint64_t>(rows_of(inputs).value_or(1)) : 1;
}

void LoadedModel::note_refusal() {
  double before = expected_seconds_.load(std::memory_order_relaxed);
  expected_seconds_.store(before / 2, std::memory_order_relaxed);
}

bool LoadedModel::may_batch(std::span<const Tensor> sample, std::int64_t rows) {
  Dims key{rows};
  for (const Tensor& input : sample) {
    key.push_back(static_cast<std::int64_t>(input.dims().size()));
    key.insert(key.end(), input.dims().begin() + 1, input.dims().end());
  }
  {
    std::lock_guard lock(mutex_);
    auto trial = trials_.find(key);
    if (!batched_ || trial != trials_.end()) return batched_ && trial->second;
    if (trials_.size() == most_trials) return false;
    trials_.emplace(key, false);
  }
  std::optional<bool> exact = batches_exactly(*this, sample, rows);
  std::lock_guard lock(mutex_);
  if (!exact) trials_.erase(key);  // it is tried again
  if (!exact) return false;
  if (!*exact) batched_ = false;
  return trials_[key] = *exact && batched_;
}

}  // namespace modelctl::serve
