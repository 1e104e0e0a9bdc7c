// The number of different batch sizes is bounded: without batches a client's own number of rows is one.
#include "serve/models/inference_statistics.hpp"

namespace modelctl::serve {
namespace {

constexpr std::size_t most_batch_sizes = 1024;

void add(InferenceStatistics::Sums& sums, const InferenceStatistics::Stages& stages) {
  sums.input.add(stages.input);
  sums.infer.add(stages.infer);
  sums.output.add(stages.output);
}

}  // namespace

void InferenceStatistics::succeeded(const Stages& stages, std::uint64_t rows) {
  std::lock_guard lock(mutex_);
  sums_.last_inference = std::chrono::system_clock::now();
  sums_.rows += rows;
  sums_.success.add(stages.total());
  sums_.queue.add(stages.queue);
  add(sums_.stages, stages);
}

void InferenceStatistics::failed(Time after) {
  std::lock_guard lock(mutex_);
  sums_.fail.add(after);
}

void InferenceStatistics::executed(const Stages& stages, std::uint64_t rows) {
  std::lock_guard lock(mutex_);
  ++sums_.executions;
  if (sums_.batches.size() < most_batch_sizes || sums_.batches.contains(rows)) add(sums_.batches[rows], stages);
}

InferenceStatistics::Snapshot InferenceStatistics::snapshot() const {
  std::lock_guard lock(mutex_);
  return sums_;
}

}  // namespace modelctl::serve
