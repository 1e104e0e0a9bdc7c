// The server's side of one worker process, from its start to its end. It is started once; whoever wants another one
// makes another object (isolated_executor.hpp).
#pragma once

#include "runtime/model.hpp"
#include "serve/isolation/exchange.hpp"

#include <sys/types.h>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace modelctl::serve {

// Which program is the worker: this one itself, unless a test says otherwise.
struct WorkerProgram {
  std::filesystem::path path = "/proc/self/exe";
  std::string word = "__worker";
};

struct WorkerLimits {
  std::size_t predictions = 1;   // at a time
  std::size_t threads = 1;       // of each; 0: one per CPU
  std::uint64_t area_bytes = 0;  // of the inputs, and of the outputs, of one prediction
  std::uint64_t prediction_bytes = 0;
  std::chrono::nanoseconds prediction_time{0};
  std::uint64_t process_bytes = 0;  // 0: no limit
  int nice = 0;
  std::chrono::nanoseconds grace{0};  // beyond its time, after which a prediction hangs
};

class WorkerProcess {
 public:
  // Returns when the model is loaded in it. `model` stays unchanged while the process lives. Called by a thread that
  // outlives the process: that ends with the thread.
  static Result<std::unique_ptr<WorkerProcess>> start(const WorkerProgram& program, const runtime::Model& model,
                                                      const WorkerLimits& limits);
  ~WorkerProcess();  // kills it
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // As Executor::run(). Fails with retry_later, code "worker-failed", if the process ends before it has answered; it is
  // killed if it does not answer within the time of a prediction and the grace.
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs, const runtime::Session::RunLimits& limits);

  struct End {
    std::string reason;  // "crashed", "killed", "forbidden-call", "hung", "exited"
    std::string detail;  // for people: the signal or exit code, and what the process printed last
  };
  // Waits until the process has ended; one thread calls it, once.
  End wait();
  void kill();
  pid_t process() const;  // -1 once it has ended
  bool ended() const { return ended_; }

 private:
  struct Place {
    Slot slot;
    std::uint32_t last = 0;  // number of its last request
    // Looking for the answer before sleeping: requests until the next try, and how many the next failure adds.
    std::uint32_t sleeps_left = 0, sleeps_next = 1;
  };
  class PlaceHolder;

  WorkerProcess(const runtime::Model& model, const WorkerLimits& limits) : model_(model), limits_(limits) {}
  Result<void> spawn(const WorkerProgram& program);
  Result<void> await_start();
  std::string printed() const;
  void kill_hanging(const char* how);
  static void look_for_answer(Place& place, std::uint32_t answered);

  const runtime::Model& model_;
  const WorkerLimits limits_;
  std::unique_ptr<SharedMemory> memory_;
  Descriptor control_, log_;

  mutable std::mutex mutex_;
  std::condition_variable free_place_;
  std::vector<Place> places_;
  std::vector<std::size_t> free_;
  pid_t process_ = -1;             // -1 once it was waited for
  const char* hanging_ = nullptr;  // how, once it was killed for that
  std::atomic<bool> ended_{false};
};

Error worker_failed();

}  // namespace modelctl::serve
