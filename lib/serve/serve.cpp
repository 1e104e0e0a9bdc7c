#include "serve/serve.hpp"

#include "base/files.hpp"
#include "runtime/inputs.hpp"
#include "serve/descriptors.hpp"

#include <fmt/core.h>

#include <charconv>

namespace modelctl::serve {
namespace {

// One prediction over zeros, every symbolic size taken as 1: pages the weights in and finds a model that cannot run
// before a caller does. What the zeros themselves get wrong (an index out of range, say) is not a fault of the model.
void warm_up(LoadedModel& model, Reporter& reporter) {
  std::vector<Tensor> zeros;
  std::vector<TensorView> views;
  for (const artifact::Port& port : model.signature().inputs) {
    Dims dims;
    for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? 1 : dim.size);
    auto bytes = byte_size(port.type, dims);
    if (!bytes || *bytes > std::uint64_t{1} << 30) return;
    zeros.emplace_back(port.type, std::move(dims));
  }
  for (const Tensor& zero : zeros) views.push_back(zero.view());
  if (auto outputs = model.predict(views); !outputs)
    reporter.warn(std::move(outputs).error().because("warming up with zeros"));
}

}  // namespace

Result<void> read_address(const std::string& text, serve::ServerOptions& options) {
  std::size_t colon = text.rfind(':');
  std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (port.empty() || code != std::errc() || end != port.data() + port.size()) {
    return Error(Kind::usage, "bad-address", fmt::format("cannot listen on '{}'", text))
        .help("give --listen as HOST:PORT, as in 127.0.0.1:8080");
  }
  options.host = host.empty() ? "0.0.0.0" : host;
  return {};
}

Result<ServeTotals> serve_until_stopped(const ServeSettings& settings, const std::function<Result<Loaded>()>& load,
                                        Clock& clock, Reporter& reporter, const StopToken& stop) {
  Service service;
  ServerOptions options = settings.server;
  options.workers = settings.limits.concurrency;
  options.queue = settings.limits.queue;
  raise_descriptor_limit();
  if (auto warning = exposed_secret(options.tls_key)) reporter.warn(*warning);
  auto server = TRY(Server::start(options, service));
  const char* scheme = options.tls_certificate.empty() ? "http" : "https";
  reporter.info(fmt::format("listening on {}://{}:{}", scheme, options.host, server->port()));

  Loaded loaded = TRY(load());
  TRY(runtime::need_tensors(loaded.model->signature(), "serve the model"));
  TRY(loaded.model->check_integrity());
  auto model = std::make_shared<LoadedModel>(std::move(loaded.model), std::move(loaded.info), settings.limits);
  warm_up(*model, reporter);
  service.load(model);
  // Only now: who waits for this line sends a request at once.
  const ModelInfo& info = model->info();
  reporter.info(fmt::format("ready: '{}' version {}{}", info.name, info.version,
                            info.signer.empty() ? "" : ", signed by " + info.signer));

  // A model that somebody alters must not be served: each prediction fails from then on, and the server stops.
  Result<void> intact;
  while (!stop.stopped() && intact && clock.sleep(std::chrono::milliseconds(100))) intact = model->check_integrity();
  reporter.info(fmt::format("draining for {} s, then stopping", settings.drain.count() / 1000.0));
  server->drain(settings.drain);
  TRY(std::move(intact));
  return ServeTotals{server->port()};
}

}  // namespace modelctl::serve
