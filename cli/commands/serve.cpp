// serve: serves predictions over HTTP or HTTPS until it is stopped by a signal.
#include "actions/serve.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/format.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

using Default = actions::ServeDefaults;

// Defaults are only displayed here and applied in the action, which must distinguish a given value from a default: a
// value in modelctl.yaml applies if the flag is not given.
void bind_limits(CLI::App& app, actions::Project::Serve& settings) {
  app.add_option("--workers", settings.workers, "Predictions that run concurrently; 0 means one per CPU")
      ->default_str(fmt::to_string(Default::workers))
      ->type_name("N")
      ->check(CLI::Range(0, 4096));
  app.add_option("--threads", settings.threads, "Threads per prediction; 0 takes all CPUs that the process may use")
      ->default_str(fmt::to_string(Default::threads))
      ->type_name("N")
      ->check(CLI::Range(0, runtime::ThreadPool::most_threads));
  app.add_option("--queue", settings.queue, "Predictions that may wait; further ones get a 503")
      ->default_str(fmt::to_string(Default::queue))
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--max-body", settings.max_body,
                 "Largest body in bytes, or with KiB, MiB, GiB; larger ones are answered with 413")
      ->default_str("64MiB")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--max-memory", settings.max_memory, "Largest memory of one prediction")
      ->default_str("4GiB")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--max-time", settings.max_time, "Time limit of one prediction in seconds; then 503")
      ->default_str(fmt::to_string(Default::max_time))
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  app.add_option("--read-timeout", settings.read_timeout, "Time limit for receiving a request in seconds; then 408")
      ->default_str(fmt::to_string(Default::read_timeout))
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  app.add_option("--drain", settings.drain, "Seconds to keep serving, unready, after SIGTERM")
      ->default_str(fmt::to_string(Default::drain))
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber);
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::ServeRequest>();
  CLI::App& app = binder.app;
  binder.complete(
      app.add_option(
          "SOURCE", request->source,
          "Package, packed or unpacked, reference to one, or artifact; by default the artifact of modelctl.yaml"),
      Completes::file);
  app.add_option("--listen", request->settings.listen, "Address to listen on; port 0 takes any free one")
      ->type_name("HOST:PORT")
      ->default_str(Default::listen);
  binder
      .complete(app.add_option("--tls-cert", request->settings.tls_cert, "Certificate and chain (PEM): serve HTTPS"),
                Completes::file)
      ->type_name("FILE");
  binder
      .complete(app.add_option("--tls-key", request->settings.tls_key, "The certificate's private key (PEM)"),
                Completes::file)
      ->type_name("FILE");
  binder.complete(app.add_option("--key", request->trust.key, "Public key of the trusted signer"), Completes::file)
      ->type_name("FILE");
  binder
      .complete(app.add_option("--trust", request->trust.file,
                               "Trust file: names and keys of those whom you trust; else MODELCTL_TRUST"),
                Completes::file)
      ->type_name("FILE");
  app.add_option("--name", request->name, "Name of the model in routes and metrics; by default the package's");
  bind_any_name(binder, request->any_name);
  bind_remote(binder, request->remote);
  bind_limits(app, request->settings);
  return [request](CommandContext& context) -> Result<int> {
    TRY(actions::serve(*request, context.host));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"serve", "Serve predictions over HTTP or HTTPS", bind, Stage::serve}};

}  // namespace

std::span<const CommandDef> serve_command() { return defs; }

}  // namespace modelctl::cli
