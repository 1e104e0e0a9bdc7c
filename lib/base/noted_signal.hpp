// Signals by which operators ask a server for something, such as SIGHUP to read its files again.
#pragma once

#include <csignal>

namespace modelctl {

// While one exists, its signal is noted instead of ending the process. There is one of each signal at a time.
class NotedSignal {
 public:
  explicit NotedSignal(int number);
  ~NotedSignal();  // what the signal did before
  NotedSignal(const NotedSignal&) = delete;
  NotedSignal& operator=(const NotedSignal&) = delete;

  // Whether the signal came since the last call.
  bool take();

 private:
  const int number_;
  struct sigaction before_ {};
};

}  // namespace modelctl
