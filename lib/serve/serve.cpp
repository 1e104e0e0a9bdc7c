// The order is the point: listen, verify and load, warm up, become ready, announce it. Liveness is served from the
// first step on, predictions from the last.
#include "serve/serve.hpp"

#include "base/files.hpp"
#include "serve/admin_token.hpp"
#include "serve/descriptors.hpp"

namespace modelctl::serve {
namespace {

// Models that somebody alters must not be served: each prediction fails from then on, and the server stops.
Result<void> check_integrity(const RoutingTable& table) {
  for (const auto& [model, routes] : table) {
    for (const auto& [version, loaded] : routes.versions) TRY(loaded->check_integrity());
  }
  return {};
}

Result<void> apply_routing(const Settings& settings, Service& service) {
  if (settings.routing.empty()) return {};
  auto text = TRY(read_text_file(settings.routing));
  auto all = parse_all_rules(text);
  if (!all) return std::move(all).error().at(settings.routing.string());
  for (auto& [model, rules] : *all) {
    if (auto set = service.registry.set_rules(model, std::move(rules)); !set)
      return std::move(set).error().at(settings.routing.string());
  }
  return {};
}

// Anybody on any network of the machine can then send requests, and read those of others on their way.
Error plain_http() {
  return Error(Kind::bad_config, "unencrypted",
               "serving plain HTTP on all network interfaces: requests and responses are readable on the way")
      .help("pass --tls-cert and --tls-key, or --listen 127.0.0.1:PORT behind a proxy that speaks HTTPS");
}

// From listening to the end of the drain.
Result<void> serve(Server& server, Service& service, Repository& repository, Clock& clock, const EventSink& events,
                   const StopToken& stop) {
  const Settings& settings = service.settings();
  TRY(repository.load_all());
  TRY(apply_routing(settings, service));
  service.set_starting(false);
  // Only now: who waits for this event sends a request at once.
  std::vector<ModelInfo> ready;
  for (const auto& [name, routes] : *service.routing_table()) {
    for (const auto& [version, model] : routes.versions) ready.push_back(model->info());
  }
  events(ready_event(ready, clock.now()));

  Result<void> intact;
  while (!stop.stopped() && intact && clock.sleep(std::chrono::milliseconds(100)))
    intact = check_integrity(*service.routing_table());
  events(draining_event(intact ? DrainReason::signal : DrainReason::altered, settings.drain, clock.now()));
  server.drain(milliseconds(settings.drain));
  return intact;
}

}  // namespace

Result<ServeTotals> serve_until_stopped(const Settings& settings, std::vector<OpenModel> sources, Clock& clock,
                                        Reporter& reporter, const EventSink& events, const StopToken& stop) {
  Service service(settings);
  Repository repository(service, std::move(sources), reporter);
  std::string admin_token = settings.admin_token.empty() ? "" : TRY(read_admin_token(settings.admin_token));
  service.set_control(&repository, std::move(admin_token));
  service.set_starting(true);
  raise_descriptor_limit();
  for (const auto& secret : {settings.tls_key, settings.admin_token}) {
    if (auto warning = exposed_secret(secret)) reporter.warn(*warning);
  }
  auto server = TRY(Server::start(service));
  ServeTotals totals{server->endpoint().port};
  if (server->on_all_interfaces() && settings.tls_cert.empty()) reporter.warn(plain_http());
  events(listening_event(server->endpoint(), clock.now()));
  auto served = serve(*server, service, repository, clock, events, stop);
  server.reset();  // after an error it still listens
  events(stopped_event(served ? nullptr : &served.error(), clock.now()));
  TRY(std::move(served));
  return totals;
}

}  // namespace modelctl::serve
