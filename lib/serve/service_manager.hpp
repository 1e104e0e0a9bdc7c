// The service manager that started the process, by the protocols of systemd: sd_notify(3), sd_listen_fds(3) and
// sd_watchdog_enabled(3). They are a few lines, and others speak them, too: no library is needed.
//
// A process that another one replaces (replacement.hpp) passes its listeners to that in the same way, with two
// additions: the locks of unix sockets' files, and a pipe by which the new process reports that it is ready.
#pragma once

#include "base/host.hpp"
#include "serve/http/listener.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace modelctl::serve {

// Names of what one process passes to the next, beside those of listeners.
constexpr std::string_view lock_suffix = "-lock";          // "http-lock": that of the file of the socket "http"
constexpr std::string_view ready_pipe = "modelctl-ready";  // its end for writing
constexpr int first_passed_descriptor = 3;                 // sd_listen_fds(3)

class ServiceManager {
 public:
  // Without one, everything here does nothing.
  explicit ServiceManager(const Environment& environment);

  // The socket that it passed for a listener: one that is named "grpc" or "admin" is for that, and the first with any
  // other name is for "http". Each is passed on once. Nothing if it passed none.
  Result<std::optional<ListeningSocket>> take_socket(std::string_view listener);

  // Whether this process was started to take the place of another one, which serves until take_over() is called.
  bool replaces() const { return predecessor_.is_open(); }
  // This process serves now. The manager hears of it once the one before has handed over.
  void take_over();
  // Another process has the place of this one, which the manager hears no more of.
  void hand_over(int process);

  void ready(std::string_view status);
  // Files are read again; ready() follows.
  void reloading();
  void stopping();
  // The process is alive. Call it often: it reports that twice within the time that the manager set, if it set one.
  void alive(std::chrono::steady_clock::time_point now);

 private:
  Descriptor take(std::string_view name);  // not open if it was not passed
  void notify(std::string_view message);

  std::string address_;     // of the manager's datagram socket; empty: nobody listens
  Descriptor predecessor_;  // the pipe, until the other side has closed it
  std::multimap<std::string, Descriptor> sockets_;
  std::optional<std::chrono::microseconds> watchdog_;
  std::chrono::steady_clock::time_point reported_;
};

}  // namespace modelctl::serve
