// A thread for what an operator asks for and what may take long: loading a model, above all. One operation after the
// other, so that two loads never compete for the memory of the machine.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace modelctl::serve {

class Operations {
 public:
  Operations();
  ~Operations();  // runs what still waits

  // False if too many wait. The operation must not throw.
  bool submit(std::function<void()> operation);
  // Returns when none runs or waits.
  void wait_until_none();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, none_;
  std::deque<std::function<void()>> waiting_;
  bool running_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace modelctl::serve
