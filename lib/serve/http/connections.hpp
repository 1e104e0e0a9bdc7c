// The connections of a server: how many there are, which of them wait for a request, and which is closed for a new one.
//
// At its limit the server closes the connection that has waited longest, because waiting costs its client nothing but a
// new connection. If every connection has a request in progress, a small reserve still takes new ones and serves health
// and metrics alone: a server that is busy must not look dead.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace modelctl::serve {

// What the server needs of a connection to close it. It does not own connections: their own operations keep them.
class Connection {
 public:
  virtual ~Connection() = default;
  // Any thread may call these. They act later, in the connection's own order of events: if a request has arrived by
  // then, nothing happens.
  virtual void close_if_idle() = 0;     // closes unless a byte of a request has arrived
  virtual void close_if_waiting() = 0;  // closes unless the headers of a request are complete
};

enum class Admission {
  full,     // any number of requests
  reserve,  // one request, for health or metrics
  refused,  // closed at once
};

class Connections {
 public:
  struct Limits {
    std::size_t connections;
    // Connections in the reserve. While those that were asked to close have not done so, there may be as many more in
    // the reserve, and twice as many more outside of it.
    std::size_t reserve;
    std::size_t most() const { return connections + 4 * reserve; }  // that are counted at any moment
  };
  using Ticket = std::uint64_t;  // of one wait; 0: none

  explicit Connections(Limits limits) : limits_(limits) {}

  // Decides about a new connection in the order of least harm: below the limit it is taken; at the limit a waiting one
  // closes for it; if none waits, it goes to the reserve, whose own waiting connections close; else it is refused.
  // What is counted is bounded by Limits::most(). Counts it unless it is refused. May ask a waiting connection to
  // close.
  Admission admit();
  // A connection that was admitted has ended, and waits no more.
  void leave(Ticket ticket, Admission admission);

  // A wait begins, for a handshake or for a request's headers; it ends with stop_waiting() or leave().
  Ticket start_waiting(const std::shared_ptr<Connection>& connection, Admission admission);
  void stop_waiting(Ticket ticket);

  // Asks the connection that has waited longest to close, for when the system has no descriptor left.
  void close_longest_waiting();
  // Asks every connection to close that has no request.
  void close_idle();
  // Returns when the last connection has ended. Each phase of a connection has its own time limit.
  void wait_until_none();
  void wait_until_none(std::chrono::milliseconds at_most);

 private:
  using Waiting = std::map<Ticket, std::weak_ptr<Connection>>;  // the longest wait first

  static std::shared_ptr<Connection> take_longest(Waiting& waiting);

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t open_ = 0;  // of both kinds
  std::size_t in_reserve_ = 0;
  Ticket last_ticket_ = 0;
  Waiting waiting_, waiting_in_reserve_;
};

}  // namespace modelctl::serve
