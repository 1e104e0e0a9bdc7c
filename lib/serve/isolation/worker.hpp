// The program of a worker process: it runs one version of a model for the server that started it, until that is gone.
// `modelctl __worker` and the same word of a linked program are it.
#pragma once

#include "runtime/operator.hpp"
#include "serve/isolation/exchange.hpp"

namespace modelctl::serve {

// The descriptors that a worker is started with.
enum WorkerDescriptor : int {
  worker_control = 0,
  worker_log = 2,
  worker_tensors = 3,
  worker_plan = 4,
  worker_weights = 5
};

// What the server writes to `worker_control` first: both are the same program.
struct WorkerStart {
  SharedMemory::Size memory;
  std::uint64_t plan_offset, plan_bytes;        // in the file `worker_plan`
  std::uint64_t weights_offset, weights_bytes;  // in the file `worker_weights`
  std::uint64_t threads;                        // of a prediction; 0: one per CPU
  std::uint64_t prediction_bytes;               // memory of a prediction
  std::int64_t prediction_nanoseconds;
  std::uint64_t process_bytes;  // memory of the process beyond what it starts with; 0: no limit
  std::int64_t nice;
};

// What the worker writes to it when it has loaded the model, or could not: the number of bytes of an error as
// write_error() has it, or 0.
using WorkerReply = std::uint64_t;
inline constexpr std::size_t most_reply_bytes = 16 << 10;

// Returns an exit code: 0 when the server has closed its end of `worker_control`. `operators` are those that the model
// may use.
int run_worker(runtime::OpRunTable operators);

}  // namespace modelctl::serve
