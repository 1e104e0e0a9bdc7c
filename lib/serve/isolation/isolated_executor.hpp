// The executor in a process of its own, which is started again when it ends: at once the first time, then after pauses
// that double.
#pragma once

#include "serve/isolation/worker_monitor.hpp"
#include "serve/isolation/worker_process.hpp"
#include "serve/models/executor.hpp"

#include <thread>

namespace modelctl::serve {

// Until the start after this number of failures in a row: 0, 0.1 s, 0.2 s, … 30 s. A process that ran for a minute
// begins a new row.
std::chrono::milliseconds restart_delay(std::uint64_t failures);

class IsolatedExecutor final : public Executor {
 public:
  // Starts the process, which takes a while: the first runs wait for it. `monitor` may be null.
  IsolatedExecutor(std::shared_ptr<const runtime::Model> model, WorkerProgram program, WorkerLimits limits,
                   std::string name, std::string version, std::shared_ptr<WorkerMonitor> monitor);
  ~IsolatedExecutor() override;

  // Waits for the first process. Fails with what its start failed with, and with retry_later: code "worker-failed" if
  // the process ended meanwhile, "worker-restarting" if there is none.
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs,
                                  const runtime::Session::RunLimits& limits) override;
  std::string outage() const override;
  bool await(std::chrono::steady_clock::time_point until) override;

  // Its number, for tests; -1 while there is none.
  pid_t process() const;

 private:
  using Clock = std::chrono::steady_clock;

  void supervise();
  Result<std::shared_ptr<WorkerProcess>> worker();
  // Sleeps until it is time, or false if the executor ends.
  bool pause(std::chrono::milliseconds time);

  const std::shared_ptr<const runtime::Model> model_;
  const WorkerProgram program_;
  const WorkerLimits limits_;
  const std::string name_, version_;
  const std::shared_ptr<WorkerMonitor> monitor_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<WorkerProcess> worker_;  // null while there is none
  std::optional<Error> not_started_;       // why the first start failed
  std::string outage_;
  Clock::time_point next_start_{};  // while there is no process
  bool stop_ = false;
  bool has_begun_ = false;  // the supervisor's
  std::thread supervisor_;
};

}  // namespace modelctl::serve
