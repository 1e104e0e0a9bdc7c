// A model that can predict: the loaded plan, who it is, and the executor that runs it.
#pragma once

#include "artifact/meaning.hpp"
#include "runtime/model.hpp"
#include "serve/models/executor.hpp"
#include "serve/models/inference_statistics.hpp"
#include "serve/settings.hpp"

#include <atomic>
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
  std::string digest;                                     // of the manifest
  std::string signer;                                     // who signed it
  std::map<std::string, double> quality;                  // "accuracy" -> 0.987, from the manifest
  std::string package = {};                               // its name, which --name does not change
  std::string description = {}, license = {}, card = {};  // the card is Markdown; all three are untrusted text
};

class LoadedModel {
 public:
  using Seconds = std::chrono::duration<double>;

  LoadedModel(std::shared_ptr<const runtime::Model> model, ModelInfo info, const Settings& settings,
              std::unique_ptr<Executor> executor);

  const ModelInfo& info() const { return info_; }
  const Settings& settings() const { return settings_; }
  const artifact::Signature& signature() const { return model_->signature(); }
  const artifact::Metadata& metadata() const { return model_->plan().metadata; }
  Result<void> check_integrity() const { return model_->check_integrity(); }
  std::string outage() const { return executor_->outage(); }
  bool await(std::chrono::steady_clock::time_point until) { return executor_->await(until); }
  // Any thread may call it; throws as Executor::run() does.
  Result<std::vector<Tensor>> predict(std::span<const Tensor> inputs, runtime::Session::RunLimits limits = {});

  // What a request took lately, as a moving average; zero before the first. The scheduler's, for deadlines.
  Seconds expected_time() const { return Seconds(expected_seconds_.load(std::memory_order_relaxed)); }
  void note_time(Seconds took);
  // Whether requests are over so soon that handing one to another thread would take as long: the median of those that
  // ran lately, of a model whose time its inputs' shapes bound.
  bool runs_briefly() const;
  // A request was refused by that time. It halves, so that after a few refusals one runs, and shows what is true now.
  void note_refusal();

  InferenceStatistics statistics;
  // The rows of a request: 1 unless inputs and outputs have a first dimension for them.
  std::uint64_t rows(std::span<const Tensor> inputs) const;

  // Whether requests may run together at all, as far as is known.
  bool batched() const { return batched_; }
  // Whether a batch of this many rows of the sample's shape gives the answers of its requests alone, to the bit. The
  // first call for a size and shape tries it out, which takes twice as long as the rows. See batching.hpp.
  bool may_batch(std::span<const Tensor> sample, std::int64_t rows);

 private:
  std::shared_ptr<const runtime::Model> model_;
  ModelInfo info_;
  const Settings settings_;
  const std::unique_ptr<Executor> executor_;
  std::atomic<double> expected_seconds_{0};
  std::atomic<double> median_seconds_{1e-3};
  const bool has_rows_;
  std::atomic<bool> batched_;
  std::mutex mutex_;
  std::map<Dims, bool> trials_;  // by rows and row shapes: false while it is tried; under mutex_
};

}  // namespace modelctl::serve
