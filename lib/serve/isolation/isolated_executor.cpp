// One thread starts the process, waits for its end and starts the next one: a process dies with the thread that started
// it, so that must be one that lives as long as the executor.
#include "serve/isolation/isolated_executor.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

constexpr std::chrono::milliseconds first_delay{100}, longest_delay{30'000};
constexpr std::chrono::minutes stable_time{1};

}  // namespace

std::chrono::milliseconds restart_delay(std::uint64_t failures) {
  if (failures <= 1) return std::chrono::milliseconds(0);
  return std::min(longest_delay, first_delay * (std::int64_t{1} << std::min<std::uint64_t>(failures - 2, 20)));
}

IsolatedExecutor::IsolatedExecutor(std::shared_ptr<const runtime::Model> model, WorkerProgram program,
                                   WorkerLimits limits, std::string name, std::string version,
                                   std::shared_ptr<WorkerMonitor> monitor)
    : model_(std::move(model)),
      program_(std::move(program)),
      limits_(limits),
      name_(std::move(name)),
      version_(std::move(version)),
      monitor_(std::move(monitor)),
      supervisor_([this] { supervise(); }) {}

IsolatedExecutor::~IsolatedExecutor() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    if (worker_ != nullptr) worker_->kill();
  }
  changed_.notify_all();
  supervisor_.join();
  if (has_begun_) monitor_->end(name_, version_);
}

bool IsolatedExecutor::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stop_; });
}

void IsolatedExecutor::supervise() {
  std::uint64_t restarts = 0, failures = 0;
  for (bool first = true;; first = false) {
    auto started = WorkerProcess::start(program_, *model_, limits_);
    WorkerProcess::End end{"not-started", started ? "" : started.error().what};
    if (started) {
      std::shared_ptr<WorkerProcess> running = std::move(*started);
      const Clock::time_point since = Clock::now();
      if (first && monitor_ != nullptr) {
        monitor_->begin(name_, version_);
        has_begun_ = true;
      }
      {
        std::lock_guard lock(mutex_);
        if (stop_) return;  // `running` is killed
        worker_ = running;
        outage_.clear();
      }
      changed_.notify_all();
      if (monitor_ != nullptr && !first) monitor_->report({name_, version_, "", "", restarts, {}});
      end = running->wait();
      if (Clock::now() - since >= stable_time) failures = 0;
    }
    const std::chrono::milliseconds delay = restart_delay(++failures);
    {
      std::lock_guard lock(mutex_);
      worker_ = nullptr;
      if (stop_) return;
      if (first && !started) not_started_ = started.error();
      outage_ = fmt::format("its worker process is being restarted: {}", end.detail);
      next_start_ = Clock::now() + delay;
    }
    changed_.notify_all();
    if (first && !started) return;
    ++restarts;
    if (monitor_ != nullptr) monitor_->report({name_, version_, end.reason, end.detail, restarts, delay});
    if (!pause(delay)) return;
  }
}

Result<std::shared_ptr<WorkerProcess>> IsolatedExecutor::worker() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return worker_ != nullptr || not_started_ || !outage_.empty() || stop_; });
  if (not_started_) return *not_started_;
  if (worker_ != nullptr && !worker_->ended()) return worker_;
  return Error(Kind::retry_later, "worker-restarting", "the process that runs the model is being restarted");
}

bool IsolatedExecutor::await(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  auto runs = [this] { return worker_ != nullptr && !worker_->ended(); };
  // One that has ended is there until the supervisor has noticed.
  auto hopeless = [&] { return stop_ || not_started_ || (worker_ == nullptr && next_start_ > until); };
  changed_.wait_until(lock, until, [&] { return runs() || hopeless(); });
  return runs();
}

Result<std::vector<Tensor>> IsolatedExecutor::run(std::span<const TensorView> inputs,
                                                  const runtime::Session::RunLimits& limits) {
  auto running = TRY(worker());
  auto outputs = running->run(inputs, limits);
  if (outputs) TRY(model_->check_integrity());
  return outputs;
}

std::string IsolatedExecutor::outage() const {
  std::lock_guard lock(mutex_);
  if (worker_ != nullptr && worker_->ended()) return "its worker process has ended";
  return outage_;
}

pid_t IsolatedExecutor::process() const {
  std::lock_guard lock(mutex_);
  return worker_ == nullptr ? -1 : worker_->process();
}

}  // namespace modelctl::serve
