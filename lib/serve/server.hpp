// The HTTP and HTTPS server: connections, limits, time-outs and drain. What a request means is left to the dialects.
// Boost stays in few units, since each takes long to compile: the listener, the parser of requests and the connection.
#pragma once

#include "serve/front_end.hpp"
#include "serve/http/http.hpp"
#include "serve/service.hpp"

#include <string>

namespace modelctl::serve {

class Server final : public FrontEnd {
 public:
  // Listens on the setting of the role. Fails if the address is taken or the certificate and key do not belong
  // together.
  static Result<std::unique_ptr<Server>> start(Service& service, ListenerRole role = ListenerRole::clients);
  ~Server() override;  // drains without a grace period

  Endpoint endpoint() const override;
  bool on_all_interfaces() const override;
  Listener listener() override;
  void take_over() override;
  void drain(std::chrono::milliseconds grace) override;
  void hand_over(std::chrono::milliseconds grace) override;

  struct State;

 private:
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The responses to a connection that sends these bytes and then closes, without network, for the fuzz target.
std::vector<ServerResponse> answer_bytes(std::string_view bytes, Service& service);

}  // namespace modelctl::serve
