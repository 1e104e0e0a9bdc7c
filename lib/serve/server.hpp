// The HTTP and HTTPS server: connections, limits, time-outs and drain. What a request means is left to the dialects.
// Boost stays in few units, since each takes long to compile: the listener, the parser of requests and the connection.
#pragma once

#include "base/result.hpp"
#include "serve/events.hpp"
#include "serve/http.hpp"
#include "serve/service.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace modelctl::serve {

class Server {
 public:
  // Binds and serves at once, with the service's settings; the service may still have no model, and outlives the
  // server. Fails if the address is taken or the certificate and key do not belong together.
  static Result<std::unique_ptr<Server>> start(Service& service);
  ~Server();  // drains without a grace period

  Endpoint endpoint() const;  // with the port that was taken
  bool on_all_interfaces() const;
  // Graceful end: the service turns unready at once and keeps serving for `grace`, so that load balancers notice. Then
  // no connection is accepted any more, every request that was accepted is answered, and the call returns. What a
  // connection may take for that has limits: to read, to predict, to write.
  void drain(std::chrono::milliseconds grace);

  struct State;

 private:
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The responses to a connection that sends these bytes and then closes, without network, for the fuzz target.
std::vector<ServerResponse> answer_bytes(std::string_view bytes, Service& service);

}  // namespace modelctl::serve
