// The order is the point: listen, verify and load, warm up, become ready, announce it. Liveness is served from the
// first step on, predictions from the last.
#include "serve/serve.hpp"

#include "base/files.hpp"
#include "serve/allocator.hpp"
#include "serve/descriptors.hpp"
#include "serve/reloading.hpp"
#include "serve/replacement.hpp"
#include "serve/server.hpp"

#include <fmt/core.h>

#include <atomic>
#include <thread>

namespace modelctl::serve {
namespace {

constexpr std::chrono::milliseconds tick_time{100};
constexpr std::uint64_t look_ticks = 10;  // between two looks at the folder of models
// Of a process that was replaced: for handshakes and first requests of connections that it had just accepted.
constexpr std::chrono::milliseconds least_grace{1000};

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
Error unencrypted(const Endpoint& endpoint) {
  bool http = endpoint.scheme == "http";
  return Error(Kind::bad_config, "unencrypted",
               fmt::format("serving plain {} on all network interfaces: requests and responses are readable on the way",
                           http ? "HTTP" : "gRPC"))
      .help(fmt::format("pass --tls-cert and --tls-key, or {} 127.0.0.1:PORT behind a proxy that speaks {}",
                        !http                   ? "--grpc"
                        : endpoint.role.empty() ? "--listen"
                                                : "--admin",
                        http ? "HTTPS" : "TLS"));
}

// Lets operators choose what is reported while the server runs.
class LeveledReporter final : public Reporter {
 public:
  LeveledReporter(const Service& service, Reporter& reporter) : service_(service), reporter_(reporter) {}
  void info(std::string_view line) override {
    if (service_.reports_info) reporter_.info(line);
  }
  void warn(const Error& warning) override { reporter_.warn(warning); }
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total) override {
    reporter_.progress(what, done, total);
  }
  std::optional<std::string> ask_secret(std::string_view prompt) override { return reporter_.ask_secret(prompt); }

 private:
  const Service& service_;
  Reporter& reporter_;
};

Result<FrontEnds> listen(Service& service, StartFrontEnd start_grpc) {
  FrontEnds front_ends;
  front_ends.push_back(TRY(Server::start(service)));
  if (!service.settings().admin.empty()) front_ends.push_back(TRY(Server::start(service, ListenerRole::operators)));
  if (service.settings().grpc.empty()) return front_ends;
  if (start_grpc == nullptr) {
    return Error(Kind::unsupported, "no-grpc", "cannot serve gRPC: linked programs do not have it")
        .help("serve the artifact or its package with modelctl serve");
  }
  front_ends.push_back(TRY(start_grpc(service)));
  return front_ends;
}

Result<std::optional<ModelsFolder>> open_folder(const Settings& settings, OpenFile open_file, Repository& repository,
                                                Service& service, Reporter& reporter) {
  if (settings.models.empty()) return std::optional<ModelsFolder>();
  if (open_file == nullptr) {
    return Error(Kind::unsupported, "no-models-folder",
                 "cannot serve a folder of models: linked programs have one model")
        .help("serve the folder with modelctl serve");
  }
  return TRY(ModelsFolder::open(settings.models, std::move(open_file), repository, service.operations, reporter));
}

// What the process reports to and hears from.
struct Outside {
  Clock& clock;
  Reporter& reporter;
  const EventSink& events;
  const StopToken& stop;
  ServiceManager& manager;
  Replacement& replacement;
};

void report_workers(Service& service, const Outside& outside) {
  for (const WorkerChange& change : service.workers->take()) {
    if (change.reason.empty()) {
      outside.events(recovered_event(change, outside.clock.now()));
      continue;
    }
    outside.reporter.warn(
        Error(Kind::unavailable, "worker-ended",
              fmt::format("the worker process of '{}' version {} has ended", change.model, change.version))
            .because(change.detail));
    outside.events(fault_event(change, outside.clock.now()));
  }
}

// All at the same time, since each waits for its own requests.
void drain(const FrontEnds& front_ends, DrainReason reason, std::chrono::milliseconds grace, ServiceManager& manager) {
  std::atomic<std::size_t> left{front_ends.size()};
  std::vector<std::thread> threads;
  for (const auto& front_end : front_ends) {
    threads.emplace_back([&] {
      if (reason == DrainReason::replaced) front_end->hand_over(std::max(grace, least_grace));
      else front_end->drain(grace);
      --left;
    });
  }
  for (; left > 0; std::this_thread::sleep_for(tick_time)) manager.alive(std::chrono::steady_clock::now());
  for (std::thread& thread : threads) thread.join();
}

void reload_if_asked(Reloading& reloading, ServiceManager& manager) {
  bool requested = reloading.requested();
  if (requested) manager.reloading();
  reloading.tick();
  if (requested) manager.ready("serving");
}

// From listening to the end of the drain.
Result<void> serve(const FrontEnds& front_ends, Service& service, Repository& repository,
                   std::optional<ModelsFolder>& folder, const Outside& outside) {
  const Settings& settings = service.settings();
  Reloading reloading(service.metrics, outside.reporter, outside.events, outside.clock);
  if (service.tls.current()) reloading.add(service.tls);
  if (!service.tokens.watched_files().empty()) reloading.add(service.tokens);
  if (service.access_log.is_open()) reloading.add(service.access_log);
  TRY(repository.load_all());
  if (folder) folder->load_all();
  TRY(apply_routing(settings, service));
  service.set_starting(false);
  for (const auto& front_end : front_ends) front_end->take_over();
  // Only now: who waits for this event sends a request at once.
  std::vector<ModelInfo> ready;
  for (const auto& [name, routes] : *service.routing_table()) {
    for (const auto& [version, model] : routes.versions) ready.push_back(model->info());
  }
  outside.events(ready_event(ready, outside.clock.now()));
  outside.manager.ready("serving");
  outside.manager.take_over();

  Result<void> intact;
  std::uint64_t ticks = 0;
  bool replaced = false;
  while (!outside.stop.stopped() && intact && !replaced && outside.clock.sleep(tick_time)) {
    // Models that somebody alters must not be served: each prediction fails from then on, and the server stops, unless
    // it can go on without them.
    intact = repository.check_integrity();
    if (folder && ++ticks % look_ticks == 0) folder->look();
    reload_if_asked(reloading, outside.manager);
    outside.manager.alive(outside.clock.steady());
    if (auto fault = service.access_log.take_fault()) outside.reporter.warn(*fault);
    report_workers(service, outside);
    replaced = intact && outside.replacement.tick(front_ends);
  }
  outside.replacement.cancel();
  DrainReason reason = replaced ? DrainReason::replaced : intact ? DrainReason::signal : DrainReason::altered;
  outside.events(draining_event(reason, settings.drain, outside.clock.now()));
  outside.manager.stopping();
  drain(front_ends, reason, milliseconds(settings.drain), outside.manager);
  return intact;
}

// A configured route is compared with the path of a request, which has no query, and is not a pattern.
Result<void> check_route(std::string_view flag, std::string_view path) {
  if (path.empty() || (path.starts_with('/') && path.find_first_of("?#{} ") == path.npos)) return {};
  return Error(Kind::usage, "bad-option", fmt::format("cannot serve predictions or health at '{}'", path))
      .at(fmt::format("--{}", flag))
      .because("it is not the path of a URL")
      .help("begin it with '/', and leave out '?', '#', spaces and braces");
}

}  // namespace

Result<ServeTotals> serve_until_stopped(const Settings& settings, ServeSources sources, Clock& clock,
                                        const Environment& environment, Reporter& given_reporter,
                                        const EventSink& events, const StopToken& stop, StartFrontEnd start_grpc) {
  for (const auto& [flag, path] :
       {std::pair("health-route", settings.health_route), {"predict-route", settings.predict_route}})
    TRY(check_route(flag, path));
  ServiceManager manager(environment);
  Service service(settings);
  service.set_manager(&manager);
  LeveledReporter reporter(service, given_reporter);
  Replacement replacement(milliseconds(settings.replace_timeout), manager, reporter, events, clock);
  Repository repository(service, std::move(sources.models), reporter);
  auto folder = TRY(open_folder(settings, std::move(sources.open_file), repository, service, reporter));
  TRY(service.tokens.load());
  TRY(service.access_log.open());
  service.set_control(&repository);
  service.set_starting(true);
  raise_descriptor_limit();
  keep_freed_memory();
  for (const auto& secret : {settings.tls_key, settings.tokens, settings.admin_token}) {
    if (auto warning = exposed_secret(secret)) reporter.warn(*warning);
  }
  auto front_ends = TRY(listen(service, start_grpc));
  ServeTotals totals{front_ends.front()->endpoint().port};
  for (const auto& front_end : front_ends) {
    if (front_end->on_all_interfaces() && settings.tls_cert.empty()) reporter.warn(unencrypted(front_end->endpoint()));
    events(listening_event(front_end->endpoint(), clock.now()));
  }
  auto served = serve(front_ends, service, repository, folder, {clock, reporter, events, stop, manager, replacement});
  front_ends.clear();  // after an error they still listen
  service.operations.wait_until_none();
  events(stopped_event(served ? nullptr : &served.error(), clock.now()));
  TRY(std::move(served));
  return totals;
}

}  // namespace modelctl::serve
