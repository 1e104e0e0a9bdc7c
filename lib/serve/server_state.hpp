// What the listener and its connections share. Internal to the server.
#pragma once

#include "serve/http/accept_loop.hpp"
#include "serve/http/connections.hpp"
#include "serve/http/listener.hpp"
#include "serve/memory_budget.hpp"
#include "serve/server.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace modelctl::serve {

struct Server::State {
  Service& service;
  const Settings& settings = service.settings();
  const ListenerRole role;
  Endpoint endpoint;
  // Its file is for the owner of the process alone, who may do everything with it.
  bool trusted() const { return role == ListenerRole::operators && listening.is_unix(); }
  std::shared_ptr<const TlsIdentity> tls() const { return listening.is_unix() ? nullptr : service.tls.current(); }

  // Above `io`, since a connection that dies with it still uses it.
  Connections connections;
  MemoryBudget& memory = service.memory;

  net::io_context io;
  // A connection whose prediction waits has nothing under way in `io`, which must not end for that.
  net::executor_work_guard<net::io_context::executor_type> work = net::make_work_guard(io);
  ListeningSocket listening;
  AcceptLoop accept_loop{io, [this](StreamSocket socket) { add(std::move(socket)); },
                         [this] { connections.close_longest_waiting(); }};
  std::vector<std::thread> threads;
  std::atomic<bool> closing{false};

  State(Service& served, ListenerRole whose, Connections::Limits limits)
      : service(served), role(whose), connections(limits) {}

  void run_io() {
    for (;;) {
      try {
        io.run();
        return;
      } catch (...) {  // of a handler: its connection ends with it, and the others go on
        note_failure();
      }
    }
  }
  void note_failure() noexcept {
    try {
      service.metrics.count("modelctl_failed_connections_total", {});
    } catch (...) {  // no memory to count with
    }
  }

  void add(StreamSocket socket);
  // No connection is accepted any more, and those that have no request close. Returns when the last one has ended.
  void close();
};

// A connection's place among the server's, from its admission on.
class ConnectionPlace {
 public:
  explicit ConnectionPlace(Connections& connections) : connections_(&connections), admission_(connections.admit()) {}
  ConnectionPlace(ConnectionPlace&& other) noexcept
      : connections_(other.connections_), admission_(std::exchange(other.admission_, Admission::refused)) {}
  ConnectionPlace& operator=(ConnectionPlace&&) = delete;
  ~ConnectionPlace() {
    if (admission_ != Admission::refused) connections_->leave(ticket_, admission_);
  }

  Admission admission() const { return admission_; }
  bool waiting() const { return ticket_ != 0; }
  void start_waiting(const std::shared_ptr<Connection>& connection) {
    if (ticket_ == 0) ticket_ = connections_->start_waiting(connection, admission_);
  }
  void stop_waiting() { connections_->stop_waiting(std::exchange(ticket_, 0)); }

 private:
  Connections* connections_;
  Admission admission_;
  Connections::Ticket ticket_ = 0;
};

// Serves a connection that was admitted. Each of its operations keeps it; the last one that starts no other ends it.
void start_connection(Server::State& server, StreamSocket socket, ConnectionPlace place);

}  // namespace modelctl::serve
