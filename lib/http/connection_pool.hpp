// One HTTP exchange after another over connections that are kept open; with exchange_internal.hpp the only place that
// uses libcurl. Redirects, retries and credentials are not handled here: client.hpp does that.
#pragma once

#include "base/host.hpp"
#include "http/message.hpp"

#include <chrono>
#include <filesystem>
#include <memory>

namespace modelctl::http {

struct Options {
  std::filesystem::path ca_file;  // certificates to trust instead of the system's; else $SSL_CERT_FILE
  bool plain_http = false;        // allow http:// to hosts that are not this machine
  std::chrono::seconds connect_timeout{15};
  // Give up when fewer than `low_speed` bytes per second move for so long. A server that sends a byte per minute keeps
  // every connection alive otherwise. Requests with a body wait longer: a registry hashes what it got before it
  // responds.
  std::chrono::seconds stall_timeout{60};
  std::chrono::seconds upload_stall_timeout{300};
  long low_speed = 64;
  std::chrono::milliseconds total_timeout{0};  // of one exchange, its response included; 0: as long as bytes move
};

class ConnectionPool {
 public:
  ConnectionPool(Options options, const Environment& environment, const StopToken& stop);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // Sends the request and returns as soon as the response's headers are there. Fails only if there is no HTTP response:
  // every status is a response, except a proxy's 407. The response must not outlive this object.
  Result<HttpResponse> send(const HttpRequest& request);
  const Options& options() const { return options_; }

 private:
  struct State;
  Options options_;
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::http
