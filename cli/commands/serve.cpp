// serve: answers predictions over HTTP or HTTPS until it is told to stop.
#include "actions/serve.hpp"
#include "cli/command.hpp"

#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

void bind_limits(CLI::App& app, actions::ServeRequest& request) {
  app.add_option("--workers", request.workers, "Predictions that run at once; 0 takes one per CPU")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  app.add_option("--threads", request.threads, "Threads that one prediction is spread over")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  app.add_option("--queue", request.queue, "Predictions that may wait; more are answered with 503")
      ->capture_default_str();
  app.add_option("--max-body", request.body_bytes,
                 "Largest body in bytes, or with KiB, MiB, GiB; larger ones are answered with 413")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--max-memory", request.memory_bytes, "Most memory that one prediction may take")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--read-timeout", request.read_seconds, "Seconds in which a request must have arrived; else 408")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--drain", request.drain_seconds, "Seconds to keep answering, unready, after SIGTERM")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::ServeRequest>();
  CLI::App& app = binder.app;
  binder.complete(app.add_option("SOURCE", request->source, "Package, unpacked package, or artifact"), Completes::file)
      ->required();
  app.add_option("--listen", request->listen, "Address to listen on; port 0 takes any free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  binder
      .complete(app.add_option("--tls-cert", request->tls_certificate, "Certificate and chain (PEM): serve HTTPS"),
                Completes::file)
      ->type_name("FILE");
  binder
      .complete(app.add_option("--tls-key", request->tls_key, "The certificate's private key (PEM)"), Completes::file)
      ->type_name("FILE");
  binder
      .complete(app.add_option("--key", request->trust.key, "Public key of the signer whom you trust"), Completes::file)
      ->type_name("FILE");
  binder
      .complete(app.add_option("--trust", request->trust.file,
                               "Trust file: names and keys of those whom you trust; else MODELCTL_TRUST"),
                Completes::file)
      ->type_name("FILE");
  app.add_option("--name", request->name, "Name of the model in routes and metrics; by default the package's");
  bind_limits(app, *request);
  return [request](Session& session) -> Result<int> {
    TRY(actions::serve(*request, session.host));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"serve", "Answer predictions over HTTP or HTTPS", bind, Stage::serve}};

}  // namespace

std::span<const CommandDef> serve_command() { return defs; }

}  // namespace modelctl::cli
