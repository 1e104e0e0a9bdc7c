// A front end as the process sees it: a listener for one protocol family over the shared core (service.hpp).
#pragma once

#include "base/result.hpp"
#include "serve/events.hpp"
#include "serve/http/listener.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace modelctl::serve {

class Service;

// Whom a listener is for. Operators have the routes below /admin on theirs alone, if there is one.
enum class ListenerRole : std::uint8_t { clients, operators };

// What another process needs to listen in the place of this one.
struct Listener {
  std::string_view name;  // as in FileDescriptorName= of systemd
  int descriptor;         // of the socket
  UnixSocketFile& file;
};

class FrontEnd {
 public:
  virtual ~FrontEnd() = default;

  virtual Endpoint endpoint() const = 0;  // with the port that was taken
  virtual bool on_all_interfaces() const = 0;
  virtual Listener listener() = 0;
  // Accepts connections of a socket that was inherited; any other one accepts from its start on.
  virtual void take_over() = 0;
  // Graceful end: the service turns unready at once and keeps serving for `grace`, so that load balancers notice. Then
  // no connection is accepted any more, every request that was accepted is answered, and the call returns. What a
  // connection may take for that has limits: to read, to predict, to write.
  virtual void drain(std::chrono::milliseconds grace) = 0;
  // Graceful end of a process whose place another one has taken: no connection is accepted any more, and those that
  // exist are served until they end, or wait for a request after `grace`.
  virtual void hand_over(std::chrono::milliseconds grace) = 0;
};

using FrontEnds = std::vector<std::unique_ptr<FrontEnd>>;

// Binds and serves at once, with the service's settings; the service may still have no model, and outlives the front
// end.
using StartFrontEnd = Result<std::unique_ptr<FrontEnd>> (*)(Service& service);

}  // namespace modelctl::serve
