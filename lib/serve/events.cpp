// Every object starts with its name and the time, so that the lines of several servers can be merged and sorted.
#include "serve/events.hpp"

#include "serve/formats/json_writer.hpp"

#include <fmt/chrono.h>

#include <limits>
#include <utility>

namespace modelctl::serve {
namespace {

// One object, field by field.
class EventWriter {
 public:
  EventWriter(std::string_view name, EventTime at) {
    json_.raw("{");
    text("event", name);
    text("time", utc_text(at));
  }

  // What is empty is left out: a bare artifact has no digest, for example.
  EventWriter& text(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    begin(key);
    json_.string(value);
    return *this;
  }
  EventWriter& number(std::string_view key, double value) {
    begin(key);
    json_.raw(fmt::format("{}", value));
    return *this;
  }
  EventWriter& models(std::span<const ModelInfo> models) {
    begin("models");
    for (const char* before = "["; const ModelInfo& model : models) {
      json_.raw(std::exchange(before, ", "));
      json_.raw("{");
      first_ = true;
      text("name", model.name);
      text("version", model.version);
      text("package", model.package);
      text("digest", model.digest);
      text("signer", model.signer);
      json_.raw("}");
    }
    json_.raw(models.empty() ? "[]" : "]");
    return *this;
  }

  Event done(std::string line) { return {std::move(line), json_.raw("}").done().value()}; }

 private:
  void begin(std::string_view key) {
    if (!std::exchange(first_, false)) json_.raw(", ");
    json_.string(key).raw(": ");
  }

  JsonWriter json_{std::numeric_limits<std::uint64_t>::max()};
  bool first_ = true;  // of the object that is being written
};

std::string_view name(DrainReason reason) {
  switch (reason) {
    case DrainReason::signal: return "signal";
    case DrainReason::altered: return "altered";
    case DrainReason::replaced: return "replaced";
  }
  return "";
}

}  // namespace

std::string utc_text(EventTime at) {
  auto time = std::chrono::time_point_cast<std::chrono::milliseconds>(at);
  auto second = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                     (time - second).count());
}

std::string Endpoint::url() const {
  if (scheme == "unix") return fmt::format("unix:{}", address);
  bool brackets = address.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", scheme, brackets ? "[" : "", address, brackets ? "]" : "", port);
}

Event listening_event(const Endpoint& endpoint, EventTime at) {
  EventWriter event("listening", at);
  event.text("scheme", endpoint.scheme).text("address", endpoint.address);
  if (endpoint.port != 0) event.number("port", endpoint.port);
  event.text("url", endpoint.url()).text("role", endpoint.role);
  return event.done(fmt::format("listening on {}{}", endpoint.url(), endpoint.role == "admin" ? " for operators" : ""));
}

Event ready_event(std::span<const ModelInfo> models, EventTime at) {
  std::string line;
  for (const ModelInfo& model : models) {
    line += fmt::format("{}'{}' version {}{}", line.empty() ? "ready: " : "; ", model.name, model.version,
                        model.signer.empty() ? "" : ", signed by " + model.signer);
  }
  return EventWriter("ready", at).models(models).done(std::move(line));
}

Event draining_event(DrainReason reason, double seconds, EventTime at) {
  return EventWriter("draining", at)
      .text("reason", name(reason))
      .number("seconds", seconds)
      .done(fmt::format("draining for {} s, then stopping", seconds));
}

// People read why in the warning of the same moment.
Event reloaded_event(std::string_view what, std::string_view outcome, const Error* error, EventTime at) {
  EventWriter event("reloaded", at);
  event.text("what", what).text("error", error == nullptr ? "" : error->code);
  if (error != nullptr) return event.done("");
  return event.done(fmt::format("reloaded the {}{}{}", what, outcome.empty() ? "" : ": ", outcome));
}

Event replacing_event(int process, EventTime at) {
  return EventWriter("replacing", at)
      .number("pid", process)
      .done(fmt::format("replacing the server: started process {}", process));
}

// As with a reload, people read why in the warning.
Event replaced_event(int process, const Error* error, EventTime at) {
  EventWriter event("replaced", at);
  if (process > 0) event.number("pid", process);
  event.text("error", error == nullptr ? "" : error->code);
  if (error != nullptr) return event.done("");
  return event.done(fmt::format("replaced the server: process {} serves", process));
}

// People read why in the warning of the same moment.
Event fault_event(const WorkerChange& change, EventTime at) {
  return EventWriter("fault", at)
      .text("model", change.model)
      .text("version", change.version)
      .text("reason", change.reason)
      .text("detail", change.detail)
      .number("restarts", static_cast<double>(change.restarts))
      .number("delay", std::chrono::duration<double>(change.delay).count())
      .done("");
}

Event recovered_event(const WorkerChange& change, EventTime at) {
  return EventWriter("recovered", at)
      .text("model", change.model)
      .text("version", change.version)
      .number("restarts", static_cast<double>(change.restarts))
      .done(fmt::format("recovered: '{}' version {}", change.model, change.version));
}

Event stopped_event(const Error* error, EventTime at) {
  return EventWriter("stopped", at).text("error", error == nullptr ? "" : error->code).done("");
}

}  // namespace modelctl::serve
