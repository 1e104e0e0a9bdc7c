// Exactly one of three things is under way from start() on: accept(2), a pause, or the end. All are on one strand,
// where stop() closes the socket: a connection that was accepted just before is still handed over.
#include "serve/http/accept_loop.hpp"

#include <boost/asio/post.hpp>

#include <thread>

namespace modelctl::serve {

using boost::system::error_code;

// When the system has no descriptor or no memory: an immediate retry would only spin.
constexpr std::chrono::milliseconds accept_pause{50};

void AcceptLoop::start() {
  accepting_ = true;
  net::post(acceptor_.get_executor(), [this] { go_on(); });
}

void AcceptLoop::stop() {
  if (!accepting_.exchange(false)) return;
  net::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
  });
  ended_.acquire();
}

void AcceptLoop::accept() {
  acceptor_.async_accept(net::make_strand(io_), [this](error_code code, StreamSocket socket) {
    if (code && accepting_) return pause();
    try {
      if (!code) accepted_(std::move(socket));
    } catch (...) {  // no memory for this connection
    }
    go_on();
  });
}

// The loop must not end while the server accepts, not even when there is no memory to wait for the next connection.
void AcceptLoop::go_on() {
  while (accepting_) {
    try {
      return accept();
    } catch (...) { std::this_thread::sleep_for(accept_pause); }
  }
  ended_.release();
}

// The next connection stays in the kernel's queue and makes the socket ready at once: without a pause this would be a
// busy loop.
void AcceptLoop::pause() {
  try {
    exhausted_();
    timer_.expires_after(accept_pause);
    timer_.async_wait([this](error_code) { go_on(); });
  } catch (...) {
    std::this_thread::sleep_for(accept_pause);
    go_on();
  }
}

}  // namespace modelctl::serve
