// The listener: address, admission of connections, and the order of a drain.
//
// Three kinds of threads: some move bytes (`io`), the scheduler's predict, and the caller of drain() waits. Each has an
// error boundary, since an exception that leaves a thread ends the process.
#include "serve/server_state.hpp"

#include "serve/descriptors.hpp"

#include <fmt/core.h>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>

namespace modelctl::serve {

using boost::system::error_code;

namespace {

constexpr std::size_t reserved_connections = 32;
constexpr Connections::Limits operator_limits{16, 4};
// Left to everything else that opens files while the server runs.
constexpr std::size_t spare_descriptors = 16;

// As many connections as the settings allow, or as the process has descriptors for: each takes one.
Connections::Limits connection_limits(const Settings& settings) {
  Connections::Limits limits{std::max<std::size_t>(settings.max_connections, 1), reserved_connections};
  auto most = descriptor_limit(), open = open_descriptors();
  if (!most || !open) return limits;
  std::size_t taken = *open + spare_descriptors;
  std::size_t available = *most > taken ? *most - taken : 0;
  if (limits.most() <= available) return limits;
  limits.reserve = std::clamp<std::size_t>(available / 16, 1, reserved_connections);
  limits.connections = available > 4 * limits.reserve ? available - 4 * limits.reserve : 1;
  return limits;
}

}  // namespace

void Server::State::add(StreamSocket socket) {
  try {
    error_code ignored;
    // A response that ends in a small segment would otherwise wait for the acknowledgment of the one before (Nagle's
    // algorithm), which Linux delays by 40 ms.
    socket.set_option(net::ip::tcp::no_delay(true), ignored);  // a unix socket has none
    ConnectionPlace place(connections);
    if (place.admission() != Admission::refused) start_connection(*this, std::move(socket), std::move(place));
  } catch (const std::exception&) { note_failure(); }  // no memory for this connection
}

// `closing` before close_idle(): a connection that starts to wait in between sees it and ends by itself.
void Server::State::close() {
  accept_loop.stop();
  closing = true;
  connections.close_idle();
  connections.wait_until_none();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(Service& service, ListenerRole role) {
  const Settings& settings = service.settings();
  if (settings.max_body > settings.max_buffered) {
    return Error(Kind::usage, "bad-limits", "cannot serve: the largest body is larger than the memory for all bodies")
        .help("give --max-buffered at least the value of --max-body");
  }
  bool clients = role == ListenerRole::clients;
  auto limits = clients ? connection_limits(settings) : operator_limits;
  auto state = std::make_unique<State>(service, role, limits);
  TRY(service.tls.load());
  state->listening = TRY(clients ? service.listen("http", settings.listen, "--listen")
                                 : service.listen("admin", settings.admin, "--admin"));
  state->endpoint = state->listening.endpoint;
  state->endpoint.role = clients ? "" : "admin";
  if (!state->listening.is_unix()) state->endpoint.scheme = state->tls() ? "https" : "http";
  state->accept_loop.open(state->listening);
  if (!state->listening.inherited) state->accept_loop.start();
  for (std::size_t i = 0; i < (clients ? service.front_end_threads() : 2); ++i)
    state->threads.emplace_back([&state = *state] { state.run_io(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Endpoint Server::endpoint() const { return state_->endpoint; }

bool Server::on_all_interfaces() const { return state_->listening.on_all_interfaces; }

Listener Server::listener() {
  return {state_->role == ListenerRole::clients ? "http" : "admin", state_->accept_loop.descriptor(),
          state_->listening.file};
}

void Server::take_over() {
  if (!std::exchange(state_->listening.inherited, false)) return;
  state_->listening.file.set_owned(true);
  state_->accept_loop.start();
}

// The order matters. Unready first, while everything is still served, since load balancers go on sending until they
// have noticed.
void Server::drain(std::chrono::milliseconds grace) {
  state_->service.drain();
  std::this_thread::sleep_for(grace);
  state_->close();
}

void Server::hand_over(std::chrono::milliseconds grace) {
  state_->service.leave();
  state_->accept_loop.stop();
  state_->connections.wait_until_none(grace);
  state_->close();
}

Server::~Server() {
  if (!state_->closing) drain(std::chrono::milliseconds(0));
  state_->io.stop();
  for (std::thread& thread : state_->threads) thread.join();
}

}  // namespace modelctl::serve
