// What happens to worker processes, on its way from the threads that watch them to the metrics, the registry and the
// server's events.
#pragma once

#include "serve/metrics.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace modelctl::serve {

struct WorkerChange {
  std::string model, version;
  std::string reason;  // "crashed", "killed", "forbidden-call", "hung", "exited", "not-started"; empty: it runs again
  std::string detail;  // for people
  std::uint64_t restarts = 0;          // of this version, until now
  std::chrono::milliseconds delay{0};  // until the next start
};

// Shared with the executors, which may outlive the service for a moment.
class WorkerMonitor {
 public:
  explicit WorkerMonitor(Metrics& metrics);
  ~WorkerMonitor() { detach(); }
  // `changed` is called after changes: versions are ready or are not any more. It may end executors, so it has a thread
  // of its own: theirs cannot wait for themselves. Called once.
  void on_change(std::function<void()> changed);
  // Changes are dropped from now on, and `changed` is not called any more.
  void detach();

  // The first process of an executor of this version runs.
  void begin(const std::string& model, const std::string& version);
  void report(WorkerChange change);
  // An executor that had begun has ended.
  void end(const std::string& model, const std::string& version);
  // The changes since the last call, after `changed` for them.
  std::vector<WorkerChange> take();

 private:
  void watch(const std::function<void()>& changed);

  std::mutex mutex_;
  std::condition_variable wake_;
  Metrics* metrics_;  // null once it is detached
  std::vector<WorkerChange> fresh_, changes_;
  std::map<std::pair<std::string, std::string>, int> executors_;  // two while a version is replaced by itself
  std::thread watcher_;
};

}  // namespace modelctl::serve
