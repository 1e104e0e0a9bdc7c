#include "actions/serve.hpp"

#include "ops/operator.hpp"
#include "package/package.hpp"
#include "serve/serve.hpp"

#include <fmt/core.h>

#include <charconv>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

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

Result<artifact::Artifact> artifact_of(const std::shared_ptr<const package::Package>& package) {
  const package::Entry* plan = package->first(package::Role::plan);
  const package::Entry* weights = package->first(package::Role::weights);
  if (plan == nullptr || weights == nullptr) {
    return Error(Kind::bad_input, "no-artifact", "cannot serve the package: it holds no compiled model")
        .help("pack an artifact that 'modelctl build' made");
  }
  return artifact::open(TRY(package->content(plan->path)), TRY(package->content(weights->path)), package, plan->path);
}

// Checks who signed it, or, where nobody is trusted, at least that it is whole; answers who is named in the metrics.
Result<std::string> check_package(const package::Package& package, const ServeRequest& request, Host& host) {
  bool trusted = !request.trust.key.empty() || !request.trust.file.empty() || host.environment.get("MODELCTL_TRUST");
  if (trusted) {
    auto trust = TRY(package::read_trust(request.trust, host.environment));
    return TRY(package.verify(trust, host.talk, host.stop)).signer.name;
  }
  TRY(package.check_content(host.talk, host.stop));
  host.talk.warn(Error(Kind::untrusted, "signature-not-checked",
                       "serving a package of which only the bytes were checked, not who signed it")
                     .at(request.source)
                     .help("name whom you trust with --key FILE.pub, --trust FILE or MODELCTL_TRUST"));
  return std::string();
}

Result<serve::Loaded> load(const ServeRequest& request, Host& host) {
  serve::Loaded loaded;
  artifact::Artifact opened;
  std::error_code code;
  fs::path path = request.source;
  auto package = package::Package::open(path);
  if (package) {
    auto shared = std::make_shared<const package::Package>(std::move(*package));
    loaded.info.signer = TRY(check_package(*shared, request, host));
    const package::Manifest& manifest = shared->manifest();
    loaded.info.name = manifest.name;
    loaded.info.version = manifest.version;
    loaded.info.digest = shared->digest().text();
    for (const package::Quality& measure : manifest.quality) loaded.info.quality[measure.metric] = measure.value;
    opened = TRY(artifact_of(shared));
  } else {
    // No package: a bare artifact, unless it cannot even be opened as one; then the package's fault is what counts.
    auto bare = artifact::open(path);
    if (!bare) return fs::is_directory(path, code) ? std::move(package).error() : std::move(bare).error();
    opened = std::move(*bare);
    loaded.info.name = path.stem().string();
  }
  if (!request.name.empty()) loaded.info.name = request.name;
  loaded.model = TRY(runtime::Model::load(std::move(opened), ops::run_table(), kernels::Cpu::detect()));
  return loaded;
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

Result<ServeReport> serve(const ServeRequest& request, Host& host) {
  serve::ServeSettings settings;
  TRY(read_address(request.listen, settings.server));
  settings.server.tls_certificate = request.tls_certificate;
  settings.server.tls_key = request.tls_key;
  settings.server.body_bytes = request.body_bytes;
  settings.server.read_timeout = milliseconds(request.read_seconds);
  settings.limits = {request.workers, request.threads, request.queue, request.memory_bytes};
  settings.drain = milliseconds(request.drain_seconds);
  auto totals = TRY(serve::serve_until_stopped(
      settings, [&] { return load(request, host); }, host.clock, host.talk, host.stop));
  return ServeReport{totals.port};
}

}  // namespace modelctl::actions
