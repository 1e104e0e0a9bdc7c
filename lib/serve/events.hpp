// What a serving process reports of its life: it listens, it is ready, it reads files again, a worker process has
// ended, it is replaced, it drains, it has stopped. Each event is a line for people and a JSON object for programs.
// Programs that start a server depend on the objects: fields may be added (to docs/reference/serve-events.schema.json
// too), and none may be removed.
#pragma once

#include "base/error.hpp"
#include "serve/isolation/worker_monitor.hpp"
#include "serve/models/loaded_model.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace modelctl::serve {

struct Event {
  std::string text;  // a line without a line feed; empty if it says nothing new to people
  std::string json;  // one object, without a line feed
};
using EventSink = std::function<void(const Event&)>;
using EventTime = std::chrono::system_clock::time_point;

// Where a server can be reached.
struct Endpoint {
  std::string scheme;   // "http", "https", "grpc", "grpcs" or "unix"
  std::string address;  // a name or an IP address, without brackets; of "unix" a path
  std::uint16_t port = 0;
  std::string_view role = {};  // "admin", or "grpc" of a unix socket; empty for clients of HTTP

  std::string url() const;  // "http://[::1]:8080"
};

enum class DrainReason { signal, altered, replaced };

std::string utc_text(EventTime time);  // "2026-03-01T09:30:00.000Z"

Event listening_event(const Endpoint& endpoint, EventTime at);
Event ready_event(std::span<const ModelInfo> models, EventTime at);
Event draining_event(DrainReason reason, double seconds, EventTime at);
// `what` was read again, with the outcome; or it could not be, and what was there stays in use.
Event reloaded_event(std::string_view what, std::string_view outcome, const Error* error, EventTime at);
// Another process was started, which is to take the place of this one; and it has, or it could not. `process` is -1 if
// it could not be started.
Event replacing_event(int process, EventTime at);
Event replaced_event(int process, const Error* error, EventTime at);
// A worker process (--isolate) has ended while it was needed, or the version has one again.
Event fault_event(const WorkerChange& change, EventTime at);
Event recovered_event(const WorkerChange& change, EventTime at);
// The last event of every process that listened and was not killed. `error` is what ended it, or null.
Event stopped_event(const Error* error, EventTime at);

}  // namespace modelctl::serve
