// The order is the point: listen, verify and load, warm up, become ready, announce it. Liveness is served from the
// first step on, predictions from the last.
#include "serve/serve.hpp"

#include "base/files.hpp"
#include "runtime/inputs.hpp"
#include "serve/descriptors.hpp"

#include <fmt/core.h>

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

}  // namespace

Result<ServeTotals> serve_until_stopped(const Settings& settings, const std::function<Result<Loaded>()>& load,
                                        Clock& clock, Reporter& reporter, const StopToken& stop) {
  Service service(settings);
  raise_descriptor_limit();
  if (auto warning = exposed_secret(settings.tls_key)) reporter.warn(*warning);
  auto server = TRY(Server::start(service));
  const char* scheme = settings.tls_cert.empty() ? "http" : "https";
  reporter.info(fmt::format("listening on {}://{}", scheme, server->address()));

  Loaded loaded = TRY(load());
  TRY(runtime::need_tensors(loaded.model->signature(), "serve the model"));
  TRY(loaded.model->check_integrity());
  auto model = service.prepare(std::move(loaded.model), std::move(loaded.info));
  warm_up(*model, reporter);
  service.load(model);
  // Only now: who waits for this line sends a request at once.
  const ModelInfo& info = model->info();
  reporter.info(fmt::format("ready: '{}' version {}{}", info.name, info.version,
                            info.signer.empty() ? "" : ", signed by " + info.signer));

  // A model that somebody alters must not be served: each prediction fails from then on, and the server stops.
  Result<void> intact;
  while (!stop.stopped() && intact && clock.sleep(std::chrono::milliseconds(100))) intact = model->check_integrity();
  reporter.info(fmt::format("draining for {} s, then stopping", settings.drain));
  server->drain(milliseconds(settings.drain));
  TRY(std::move(intact));
  return ServeTotals{server->port()};
}

}  // namespace modelctl::serve
