// The HTTP and HTTPS server (Boost.Beast, which stays inside server.cpp): connections, limits, time-outs and drain.
// What is answered is the dialects' business.
#pragma once

#include "base/result.hpp"
#include "serve/http.hpp"
#include "serve/service.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace modelctl::serve {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one; Server::port() tells
  // PEM files; both or none. With them the server speaks HTTPS only (TLS 1.2 and 1.3).
  std::filesystem::path tls_certificate, tls_key;
  std::uint64_t body_bytes = 64ull << 20;          // larger bodies are answered with 413
  std::chrono::milliseconds read_timeout{10'000};  // for a whole request to arrive: 408
  std::chrono::milliseconds idle_timeout{75'000};  // between requests of a connection
  // Of requests and responses of all connections together; a request that does not fit is answered with 503.
  std::uint64_t buffered_bytes = 512ull << 20;
  // At the limit the connection that has waited longest is closed for a new one. Fewer, if the process may not have so
  // many descriptors.
  std::size_t connections = 1024;
  int workers = 0;         // predictions at once; 0: one per CPU
  std::size_t queue = 64;  // predictions that may wait; more are answered with 503
};

class Server {
 public:
  // Binds and starts to answer at once; the service may still have no model. Fails with a usable message where the
  // address is taken or the certificate and key do not fit.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Service& service);
  ~Server();  // as stop(0)

  std::uint16_t port() const;
  // Graceful end: the service turns unready at once while everything is still answered for `grace`, so that balancers
  // see it. Then no connection is accepted any more, every request that was accepted is answered, and the call returns.
  // What a connection may take for that has limits: to read, to predict, to write.
  void drain(std::chrono::milliseconds grace);

  struct State;

 private:
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The answers to a connection that brings these bytes and then ends, without network and threads: what the fuzz target
// feeds.
std::vector<HttpResponse> answer_bytes(std::string_view bytes, const ServerOptions& options, Service& service);

}  // namespace modelctl::serve
