// The bound is small: an operator who sends more has lost track of what he asked for.
#include "serve/operations.hpp"

namespace modelctl::serve {

constexpr std::size_t most_waiting = 16;

Operations::Operations() : thread_([this] { work(); }) {}

Operations::~Operations() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Operations::submit(std::function<void()> operation) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= most_waiting) return false;
    waiting_.push_back(std::move(operation));
  }
  wake_.notify_one();
  return true;
}

void Operations::wait_until_none() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [this] { return waiting_.empty() && !running_; });
}

void Operations::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto operation = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = true;
    lock.unlock();
    operation();
    operation = nullptr;
    lock.lock();
    running_ = false;
    if (waiting_.empty()) none_.notify_all();
  }
}

}  // namespace modelctl::serve
