// Who runs a model: sessions of this process (sessions.hpp), or a process of its own (../isolation). A LoadedModel has
// one, and nothing above it knows which.
#pragma once

#include "runtime/model.hpp"

#include <chrono>
#include <span>
#include <string>
#include <vector>

namespace modelctl::serve {

class Executor {
 public:
  virtual ~Executor() = default;
  // Any thread may call it. `inputs` are in the signature's order; the outputs own their memory. Throws what the run
  // throws, std::bad_alloc above all.
  virtual Result<std::vector<Tensor>> run(std::span<const TensorView> inputs,
                                          const runtime::Session::RunLimits& limits) = 0;
  // Whether a run takes as long as the shapes of its inputs say, and nothing but this process has part in it.
  virtual bool predictable() const { return false; }
  // Why it cannot run anything just now, for people; empty if it can.
  virtual std::string outage() const { return {}; }
  // After an outage: waits until it can run again. False if it cannot by then, at once if that is known.
  virtual bool await(std::chrono::steady_clock::time_point) { return true; }
};

// Whether a run failed because the process that it ran in is not there any more: another one may succeed.
inline bool lost_process(const Error& error) {
  return error.code == "worker-failed" || error.code == "worker-restarting";
}

}  // namespace modelctl::serve
