// The order is the point: listen, verify and load, warm up, become ready, announce it. Liveness is served from the
// first step on, predictions from the last.
#include "serve/serve.hpp"

#include "base/files.hpp"
#include "runtime/inputs.hpp"
#include "serve/descriptors.hpp"

namespace modelctl::serve {
namespace {

// One prediction over zeros, every symbolic size taken as 1: pages the weights in and finds a model that cannot run
// before a caller does. What the zeros themselves get wrong (an index out of range, say) is not a fault of the model.
void warm_up(LoadedModel& model, Reporter& reporter) {
  std::vector<Tensor> zeros;
  for (const artifact::Port& port : model.signature().inputs) {
    Dims dims;
    for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? 1 : dim.size);
    auto bytes = byte_size(port.type, dims);
    if (!bytes || *bytes > std::uint64_t{1} << 30) return;
    zeros.emplace_back(port.type, std::move(dims));
  }
  if (auto outputs = model.predict(zeros); !outputs)
    reporter.warn(std::move(outputs).error().because("warming up with zeros"));
}

// Anybody on any network of the machine can then send requests, and read those of others on their way.
Error plain_http() {
  return Error(Kind::bad_config, "unencrypted",
               "serving plain HTTP on all network interfaces: requests and responses are readable on the way")
      .help("pass --tls-cert and --tls-key, or --listen 127.0.0.1:PORT behind a proxy that speaks HTTPS");
}

// From listening to the end of the drain.
Result<void> serve(Server& server, Service& service, const Settings& settings,
                   const std::function<Result<Loaded>()>& load, Clock& clock, Reporter& reporter,
                   const EventSink& events, const StopToken& stop) {
  Loaded loaded = TRY(load());
  TRY(runtime::need_tensors(loaded.model->signature(), "serve the model"));
  TRY(loaded.model->check_integrity());
  auto model = service.prepare(std::move(loaded.model), std::move(loaded.info));
  warm_up(*model, reporter);
  service.load(model);
  // Only now: who waits for this event sends a request at once.
  events(ready_event({&model->info(), 1}, clock.now()));

  // A model that somebody alters must not be served: each prediction fails from then on, and the server stops.
  Result<void> intact;
  while (!stop.stopped() && intact && clock.sleep(std::chrono::milliseconds(100))) intact = model->check_integrity();
  events(draining_event(intact ? DrainReason::signal : DrainReason::altered, settings.drain, clock.now()));
  server.drain(milliseconds(settings.drain));
  return intact;
}

}  // namespace

Result<ServeTotals> serve_until_stopped(const Settings& settings, const std::function<Result<Loaded>()>& load,
                                        Clock& clock, Reporter& reporter, const EventSink& events,
                                        const StopToken& stop) {
  Service service(settings);
  raise_descriptor_limit();
  if (auto warning = exposed_secret(settings.tls_key)) reporter.warn(*warning);
  auto server = TRY(Server::start(service));
  ServeTotals totals{server->endpoint().port};
  if (server->on_all_interfaces() && settings.tls_cert.empty()) reporter.warn(plain_http());
  events(listening_event(server->endpoint(), clock.now()));
  auto served = serve(*server, service, settings, load, clock, reporter, events, stop);
  server.reset();  // after an error it still listens
  events(stopped_event(served ? nullptr : &served.error(), clock.now()));
  TRY(std::move(served));
  return totals;
}

}  // namespace modelctl::serve
