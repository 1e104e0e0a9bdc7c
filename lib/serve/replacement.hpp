// Replacing the program of a server that is running: a new process has the listening sockets before the old one leaves,
// so that no connection is refused. SIGUSR2 asks for it, as it does of nginx, HAProxy and gunicorn.
#pragma once

#include "base/host.hpp"
#include "base/noted_signal.hpp"
#include "serve/front_end.hpp"
#include "serve/service_manager.hpp"

namespace modelctl::serve {

// How this process was started.
struct CommandLine {
  // The path that it was started by, with its symbolic links as they were: an update may put another file there, or let
  // a link lead to one.
  std::filesystem::path program;
  std::vector<std::string> words;

  static CommandLine of_this_process();
};

// At the signal, the program at the path of this one is started with the same arguments, the listening sockets, and a
// pipe by which it reports that it is ready. If it does so in time, it has the place of this process; else it is ended,
// and this process goes on. Events and warnings name each outcome.
class Replacement {
 public:
  // All outlive it. `limit`: how long the new process may take.
  Replacement(std::chrono::milliseconds limit, ServiceManager& manager, Reporter& reporter, const EventSink& events,
              Clock& clock);
  ~Replacement() { cancel(); }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  // Call it several times a second. True once another process has the place of this one, which must hand over.
  bool tick(const FrontEnds& front_ends);
  // Ends a process that was started and is not ready.
  void cancel();

 private:
  void request(const FrontEnds& front_ends);
  void hand_over(const FrontEnds& front_ends);
  void fail(const std::string& reason, std::string_view help);
  void kill_process();

  const std::chrono::milliseconds limit_;
  ServiceManager& manager_;
  Reporter& reporter_;
  const EventSink& events_;
  Clock& clock_;
  const CommandLine command_ = CommandLine::of_this_process();
  NotedSignal signal_;
  int process_ = -1;  // that was started, and did not report yet
  Descriptor ready_;  // the end of its pipe for reading
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace modelctl::serve
