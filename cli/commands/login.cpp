// login: stores credentials for a registry or host. A password is never an argument, where other users could see it.
#include "actions/login.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>

#include <iostream>

namespace modelctl::cli {
namespace {

struct Flags {
  actions::LoginRequest request;
  bool password_stdin = false;
};

// Where the credentials are stored is part of the result: a user must know which file or helper holds a password. An
// unchecked login is said to be so, since a typing error shows only at the next pull.
void print(const std::string& registry, const actions::LoginReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    printer.json(canonical_json({{"registry", registry}, {"kept_in", report.kept_in}, {"checked", report.checked}}));
    return;
  }
  if (report.checked) return printer.line(fmt::format("logged in to {}: stored in {}", registry, report.kept_in));
  printer.line(fmt::format("credentials for {}: stored in {}", registry, report.kept_in));
  printer.line("  the host did not ask for credentials, so they are not checked");
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  binder
      .complete(binder.app.add_option("REGISTRY", flags->request.registry, "Host, or host:port"), Completes::registry)
      ->type_name("REGISTRY")
      ->required();
  binder.app.add_option("-u,--username", flags->request.username, "User")->type_name("NAME")->required();
  binder.app.add_flag("--password-stdin", flags->password_stdin, "Read the password from standard input");
  bind_remote(binder, flags->request.remote);
  return [flags](CommandContext& context) -> Result<int> {
    // Without the flag the action asks on the terminal, without echo. The first line counts, without its end: `echo`
    // and password managers write one.
    if (flags->password_stdin) std::getline(std::cin, flags->request.password);
    print(flags->request.registry, TRY(actions::login(flags->request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"login", "Log in to a registry or host", bind, Stage::ship}};

}  // namespace
std::span<const CommandDef> login_command() { return defs; }
}  // namespace modelctl::cli
