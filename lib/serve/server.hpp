// The HTTP and HTTPS server (Boost.Beast, which stays inside server.cpp): connections, limits, time-outs and drain.
// What is answered is the dialects' business.
#pragma once

#include "base/result.hpp"
#include "serve/http.hpp"
#include "serve/service.hpp"
#include "serve/settings.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace modelctl::serve {

class Server {
 public:
  // Binds and starts to answer at once; the service may still have no model. Fails with a usable message where the
  // address is taken or the certificate and key do not fit.
  static Result<std::unique_ptr<Server>> start(const Settings& settings, Service& service);
  ~Server();  // as stop(0)

  std::uint16_t port() const;
  std::string address() const;  // HOST:PORT, with the port that was taken
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
std::vector<HttpResponse> answer_bytes(std::string_view bytes, const Settings& settings, Service& service);

}  // namespace modelctl::serve
