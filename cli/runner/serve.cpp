// The verb `serve`, which only the largest runner has.
#include "serve/serve.hpp"

#include "base/system_host.hpp"
#include "cli/present/diagnostics.hpp"
#include "cli/runner/runner.hpp"

#include <csignal>
#include <cstdio>
#include <mutex>

namespace modelctl::runner {
namespace {

constexpr Option options[] = {
    {"listen", "HOST:PORT", "Address to listen on, 127.0.0.1:8080 by default; port 0 takes any free one"},
    {"tls-cert", "FILE", "Certificate and chain (PEM): serve HTTPS"},
    {"tls-key", "FILE", "The certificate's private key (PEM)"},
    {"name", "NAME", "Name of the model in routes and metrics"},
    {"workers", "N", "Predictions that run concurrently; by default one per CPU"},
    {"threads", "N", "Threads per prediction; 1 by default, 0 takes all CPUs"},
    {"queue", "N", "Predictions that may wait, 64 by default; further ones get a 503"},
    {"max-time", "SECONDS", "Time limit of one prediction, 60 by default; then 503"},
    {"drain", "SECONDS", "Seconds to keep serving, unready, after SIGTERM; 10 by default"},
};

// Global, because a signal handler has no argument for it.
StopToken* stop_token = nullptr;

void watch_signals(StopToken& stop) {
  stop_token = &stop;
  struct sigaction action {};
  action.sa_handler = [](int) { stop_token->stop(); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal kills
  for (int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// Plain lines on stderr, for the log of a supervisor such as systemd.
class Log : public Reporter {
 public:
  void info(std::string_view line) override { write(std::string(line) + "\n"); }
  void warn(const Error& warning) override { write(cli::render(warning, cli::Severity::warning, false)); }
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
  std::optional<std::string> ask_secret(std::string_view) override { return std::nullopt; }

 private:
  void write(const std::string& text) {
    std::lock_guard lock(mutex_);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  std::mutex mutex_;
};

Result<int> serve(const Program& program, const Arguments& arguments) {
  serve::ServeSettings settings;
  TRY(serve::read_address(arguments.one("listen", "127.0.0.1:8080"), settings.server));
  settings.server.tls_certificate = arguments.one("tls-cert");
  settings.server.tls_key = arguments.one("tls-key");
  settings.limits.concurrency = TRY(arguments.number("workers", 0, 0));
  settings.limits.threads = TRY(arguments.number("threads", 1, 0));
  settings.limits.queue = static_cast<std::size_t>(TRY(arguments.number("queue", 64, 0)));
  settings.limits.time = std::chrono::seconds(TRY(arguments.number("max-time", 60, 1)));
  settings.drain = std::chrono::seconds(TRY(arguments.number("drain", 10, 0)));
  auto load = [&]() -> Result<serve::Loaded> {
    auto model = TRY(program.load(arguments));
    serve::Loaded loaded;
    loaded.info.name = arguments.one("name", program.name());
    loaded.model = std::move(model);
    return loaded;
  };
  StopToken stop;
  watch_signals(stop);
  SystemClock clock(stop);
  Log log;
  TRY(serve::serve_until_stopped(settings, load, clock, log, stop));
  return 0;
}

}  // namespace

extern const Verb serve_verb{"serve", "Serves predictions over HTTP or HTTPS.", options, serve};

}  // namespace modelctl::runner
