// The loop that accepts the connections of a listener, for every front end.
#pragma once

#include "serve/http/listener.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <functional>
#include <semaphore>

namespace modelctl::serve {

namespace net = boost::asio;
using StreamSocket = net::generic::stream_protocol::socket;

class AcceptLoop {
 public:
  // Both are called by the threads of `io`, one call at a time: `accepted` with each connection, and `exhausted` when
  // the system has no descriptor or no memory for the next one, which is tried again. Both may throw.
  AcceptLoop(net::io_context& io, std::function<void(StreamSocket)> accepted, std::function<void()> exhausted)
      : io_(io), accepted_(std::move(accepted)), exhausted_(std::move(exhausted)) {}

  // Takes the socket of `listening`.
  void open(ListeningSocket& listening) { acceptor_.assign({listening.family, 0}, listening.take()); }
  int descriptor() { return acceptor_.native_handle(); }
  void start();
  // Closes the socket. Returns when every connection that was accepted was handed to `accepted`. Without start(), does
  // nothing; else threads must run `io`.
  void stop();

 private:
  void accept();
  void go_on();
  void pause();

  net::io_context& io_;
  const std::function<void(StreamSocket)> accepted_;
  const std::function<void()> exhausted_;
  net::basic_socket_acceptor<net::generic::stream_protocol> acceptor_{net::make_strand(io_)};
  net::steady_timer timer_{acceptor_.get_executor()};
  std::atomic<bool> accepting_{false};
  std::binary_semaphore ended_{0};
};

}  // namespace modelctl::serve
