// When a failed exchange is worth repeating, and how long to wait before. The policy is a set of pure functions; the
// client (client.hpp) has the clock.
#pragma once

#include "base/host.hpp"
#include "http/message.hpp"

namespace modelctl::http {

inline constexpr int attempt_limit = 5;

// Whether the status may pass without anybody's help: 429, 502, 503, 504.
bool is_transient(int status);
// Whether the failure may pass. A name that does not resolve or a port that nobody listens on will not recover within
// seconds.
bool is_transient(const Error& error);

// What Retry-After says, in seconds or as a date (RFC 9110, section 10.2.3).
std::optional<std::chrono::seconds> retry_after(const HttpResponse& response, Clock& clock);

// The longest Retry-After that is waited for. Docker Hub's limits last hours: then the user gets the error at once.
inline constexpr std::chrono::seconds longest_requested_wait{300};

// The time before the attempt after `attempt` (from 1): doubles each time up to a minute. Half of it is random, so that
// many clients of one server do not come back together. What the server requested goes first.
std::chrono::milliseconds delay(int attempt, std::optional<std::chrono::seconds> requested, std::uint16_t random);

// The attempts of one long transfer. Those are given back when it makes progress, but only for progress that counts: a
// server that breaks the connection after each byte must not keep us forever.
class Attempts {
 public:
  static constexpr std::uint64_t progress = 1 << 20;

  // Notes a failure at this position of the transfer; false: it was the last attempt.
  bool another(std::uint64_t position);
  int made() const { return made_; }

 private:
  int made_ = 0;
  std::uint64_t from_ = 0;  // the position at which the attempts began to count
};

}  // namespace modelctl::http
