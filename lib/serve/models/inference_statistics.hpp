// What a version has done since it was loaded, in the terms of the statistics extension of the Open Inference Protocol
// (Triton's protocol documents): where the time of its requests went, and how many ran together.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace modelctl::serve {

class InferenceStatistics {
 public:
  using Time = std::chrono::nanoseconds;

  struct Sum {
    std::uint64_t count = 0;
    Time time{0};
    void add(Time each) {
      ++count;
      time += each;
    }
  };
  // The stages of one request.
  struct Stages {
    Time queue{0}, input{0}, infer{0}, output{0};
    Time total() const { return queue + input + infer + output; }
  };
  struct Sums {
    Sum input, infer, output;
  };
  struct Snapshot {
    std::chrono::system_clock::time_point last_inference{};  // the epoch: none
    std::uint64_t rows = 0;                                  // of all requests that succeeded
    std::uint64_t executions = 0;                            // runs of the model for them; a batch is one
    Sum success, fail, queue;
    Sums stages;
    std::map<std::uint64_t, Sums> batches;  // the executions, by their number of rows
  };

  void succeeded(const Stages& stages, std::uint64_t rows);
  void failed(Time after);
  // An execution, with what decoding and encoding all of its requests took.
  void executed(const Stages& stages, std::uint64_t rows);

  Snapshot snapshot() const;

 private:
  mutable std::mutex mutex_;  // held for nanoseconds
  Snapshot sums_;
};

}  // namespace modelctl::serve
