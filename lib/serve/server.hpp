// The HTTP and HTTPS server (Boost.Beast, which stays inside server.cpp): connections, limits, time-outs and drain.
// What a request means is left to the dialects.
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
  // Binds and serves at once; the service may still have no model. Fails if the address is taken or the certificate
  // and key do not belong together.
  static Result<std::unique_ptr<Server>> start(const Settings& settings, Service& service);
  ~Server();  // drains without a grace period

  std::uint16_t port() const;
  std::string address() const;  // HOST:PORT, with the port that was taken
  // Graceful end: the service turns unready at once and keeps serving for `grace`, so that load balancers notice. Then
  // no connection is accepted any more, every request that was accepted is answered, and the call returns. What a
  // connection may take for that has limits: to read, to predict, to write.
  void drain(std::chrono::milliseconds grace);

  struct State;

 private:
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The responses to a connection that sends these bytes and then closes, without network and threads, for the fuzz
// target.
std::vector<ServerResponse> answer_bytes(std::string_view bytes, const Settings& settings, Service& service);

}  // namespace modelctl::serve
