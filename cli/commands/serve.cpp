// serve: serves predictions over HTTP or HTTPS until it is stopped by a signal.
#include "actions/serve.hpp"
#include "cli/command.hpp"
#include "cli/commands/model.hpp"
#include "cli/commands/number.hpp"
#include "cli/commands/size.hpp"
#include "cli/present/serve_events.hpp"
#include "runtime/thread_pool.hpp"

#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// One function per type of setting (serve/settings.def). Defaults are shown here and taken in the action, which must
// know what was given: a flag wins over modelctl.yaml, and a default must not.
CLI::Option* bind_text(Binder& binder, const char* flag, std::optional<std::string>& to, const char* meaning, double,
                       double, const char*) {
  return binder.app.add_option(flag, to, meaning);
}
CLI::Option* bind_file(Binder& binder, const char* flag, std::optional<std::filesystem::path>& to, const char* meaning,
                       double, double, const char*) {
  return binder.complete(binder.app.add_option(flag, to, meaning), Completes::file);
}
CLI::Option* bind_count(Binder& binder, const char* flag, std::optional<std::uint64_t>& to, const char* meaning,
                        double least, double most, const char*) {
  return binder.app.add_option(flag, to, meaning)->check(CLI::Range(static_cast<int>(least), static_cast<int>(most)));
}
CLI::Option* bind_bytes(Binder& binder, const char* flag, std::optional<std::uint64_t>& to, const char* meaning, double,
                        double, const char*) {
  return binder.app.add_option(flag, to, meaning)->transform(size_value());
}
CLI::Option* bind_choice(Binder& binder, const char* flag, std::optional<serve::setting::choice>& to,
                         const char* meaning, double, double, const char* names) {
  auto take = [&to](const std::string& text) { to.emplace().text = text; };
  auto* option = binder.app.add_option_function<std::string>(flag, take, meaning);
  return binder.choice(option->check(CLI::IsMember(serve::setting::choices(names))), serve::setting::choices(names));
}
CLI::Option* bind_seconds(Binder& binder, const char* flag, std::optional<double>& to, const char* meaning,
                          double least, double, const char*) {
  auto* option = binder.app.add_option(flag, to, meaning);
  return option->check(number_between(least));
}

// The default is that of the key, which a flag without a value does not have.
CLI::Option* bind_toggle(Binder& binder, const char* flag, std::optional<bool>& to, const char* meaning, double, double,
                         const char*) {
  const bool value = serve::toggled(std::string_view(flag).substr(2));
  return binder.app.add_flag_callback(
      flag, [&to, value] { to = value; }, meaning);
}

// The table in serve/settings.def is the only list of the settings: a new row is a flag here, a key of modelctl.yaml
// and a line of the reference. Nothing is written to `settings` unless the flag was given.
void bind_settings(Binder& binder, serve::GivenSettings& settings) {
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  bind_##type(binder, "--" flag, settings.key, meaning, least, most, value)->default_str(otherwise)->type_name(value);
#include "serve/settings.def"
#undef SERVE_SETTING
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::ServeRequest>();
  CLI::App& app = binder.app;
  bind_models(binder, request->models, request->source);
  app.add_option("--name", request->name,
                 "Name of the model in routes and metrics, if it is the only one; by default the model's own");
  bind_settings(binder, request->settings);
  // 0 is the exit code of a server that was stopped by a signal and has answered everything that it had accepted.
  return [request](CommandContext& context) -> Result<int> {
    request->events = [&context](const serve::Event& event) {
      print_event(event, context.printer, context.host.reporter);
    };
    TRY(actions::serve(*request, context.host));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"serve", "Serve predictions over HTTP or HTTPS", bind, Stage::serve}};

}  // namespace

std::span<const CommandDef> serve_command() { return defs; }

}  // namespace modelctl::cli
