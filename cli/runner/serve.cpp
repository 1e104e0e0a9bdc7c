// The verb `serve`, which only the largest runner has.
#include "serve/serve.hpp"
#include "serve/platforms.hpp"

#include "base/system_host.hpp"
#include "cli/present/serve_events.hpp"
#include "cli/runner/runner.hpp"

#include <csignal>
#include <cstdio>
#include <mutex>

namespace modelctl::runner {
namespace {

// A flag of `modelctl serve` each.
constexpr Option options[] = {
    {"name", "NAME", "Name of the model in routes and metrics"},
    {format_option.name, format_option.value,
     "json prints an event per line on stdout: listening, ready, draining, stopped [default: text]"},
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  {flag, value,                                                                \
   sizeof otherwise > 1 && sizeof value > 1 ? std::string_view(meaning " [default: " otherwise "]") : meaning},
#include "serve/settings.def"
#undef SERVE_SETTING
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

// Lines on stderr, for the log of a supervisor such as systemd; for programs, warnings only.
class Log : public Reporter {
 public:
  explicit Log(const cli::Printer& out) : out_(out) {}
  void info(std::string_view line) override {
    if (out_.format() == cli::Printer::Format::json) return;
    std::string text = std::string(line) + "\n";
    std::lock_guard lock(mutex_);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  void warn(const Error& warning) override {
    std::lock_guard lock(mutex_);
    report(warning, cli::Severity::warning, out_);
  }
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
  std::optional<std::string> ask_secret(std::string_view) override { return std::nullopt; }

 private:
  const cli::Printer& out_;
  std::mutex mutex_;
};

Result<int> serve(const Program& program, const Arguments& arguments, cli::Printer& out) {
  serve::GivenSettings given;
  for (const serve::SettingInfo& setting : serve::all_settings()) {
    if (!arguments.all(setting.flag).empty())
      TRY(serve::read_setting(given, setting.flag, arguments.one(setting.flag)));
  }
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
  Log log(out);
  auto announce = [&](const serve::Event& event) { cli::print_event(event, out, log); };
  SystemEnvironment environment;
  TRY(serve::serve_until_stopped(serve::complete(given, serve::platform_settings(environment)), {{load}, nullptr},
                                 clock, environment, log, announce, stop, nullptr));
  return 0;
}

}  // namespace

extern const Verb serve_verb{"serve", "Serves predictions over HTTP or HTTPS.", options, serve};

}  // namespace modelctl::runner
