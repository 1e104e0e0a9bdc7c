// The executor within the process. A session is created when a caller needs one and none is free, and then kept: there
// are never more of them than callers at a time. All share the threads that a prediction may spread over.
#pragma once

#include "runtime/thread_pool.hpp"
#include "serve/models/executor.hpp"

#include <memory>
#include <mutex>

namespace modelctl::serve {

class Sessions final : public Executor {
 public:
  Sessions(std::shared_ptr<const runtime::Model> model, runtime::Session::Limits limits,
           std::shared_ptr<runtime::ThreadPool> threads);

  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs,
                                  const runtime::Session::RunLimits& limits) override;
  bool predictable() const override { return predictable_; }

 private:
  std::unique_ptr<runtime::Session> acquire();
  void release(std::unique_ptr<runtime::Session> session);

  const std::shared_ptr<const runtime::Model> model_;
  const runtime::Session::Limits limits_;
  const std::shared_ptr<runtime::ThreadPool> threads_;
  const bool predictable_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<runtime::Session>> idle_;
};

}  // namespace modelctl::serve
