// The service manager that started the process, by the protocols of systemd: sd_notify(3), sd_listen_fds(3) and
// sd_watchdog_enabled(3). They are a few lines, and others speak them, too: no library is needed.
#pragma once

#include "base/host.hpp"
#include "serve/http/listener.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace modelctl::serve {

class ServiceManager {
 public:
  // Without one, everything here does nothing.
  explicit ServiceManager(const Environment& environment);

  // The socket that it passed for a listener: one that is named "grpc" or "admin" is for that, and the first with any
  // other name is for "http". Each is passed on once. Nothing if it passed none.
  Result<std::optional<ListeningSocket>> take_socket(std::string_view listener);

  void ready(std::string_view status);
  // Files are read again; ready() follows.
  void reloading();
  void stopping();
  // The process is alive. Call it often: it reports that twice within the time that the manager set, if it set one.
  void alive(std::chrono::steady_clock::time_point now);

 private:
  void notify(std::string_view message);

  std::string address_;  // of the manager's datagram socket
  std::multimap<std::string, Descriptor> sockets_;
  std::optional<std::chrono::microseconds> watchdog_;
  std::chrono::steady_clock::time_point reported_;
};

}  // namespace modelctl::serve
