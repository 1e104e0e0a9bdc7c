// The session used last is used first: its arena is still in the CPU's cache.
#include "serve/models/sessions.hpp"

#include <algorithm>

namespace modelctl::serve {
namespace {

// Loops and shapes that depend on values let a small request take long.
bool has_fixed_work(const artifact::Plan& plan) {
  return plan.bodies.empty() && std::none_of(plan.values.begin(), plan.values.end(),
                                             [](const artifact::PlanValue& value) { return value.data_dependent; });
}

}  // namespace

Sessions::Sessions(std::shared_ptr<const runtime::Model> model, runtime::Session::Limits limits,
                   std::shared_ptr<runtime::ThreadPool> threads)
    : model_(std::move(model)),
      limits_(limits),
      threads_(std::move(threads)),
      predictable_(has_fixed_work(model_->plan())) {}

std::unique_ptr<runtime::Session> Sessions::acquire() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
  }
  return std::make_unique<runtime::Session>(model_, *threads_, limits_);
}

void Sessions::release(std::unique_ptr<runtime::Session> session) {
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
}

// A session whose run throws is not released: what an interrupted run leaves in it is not known.
Result<std::vector<Tensor>> Sessions::run(std::span<const TensorView> inputs,
                                          const runtime::Session::RunLimits& limits) {
  auto session = acquire();
  session->limit_runs(limits);
  auto outputs = session->run(inputs);
  release(std::move(session));
  return outputs;
}

}  // namespace modelctl::serve
