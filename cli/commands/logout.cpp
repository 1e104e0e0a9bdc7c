// logout: removes the credentials for a registry or host.
#include "actions/login.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// To have been logged out already is not an error: the state is the one that was asked for, and scripts may repeat it.
void print(const std::string& registry, const actions::LogoutReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    printer.json(canonical_json({{"registry", registry}, {"erased_from", report.erased_from}}));
    return;
  }
  for (const std::string& place : report.erased_from) {
    printer.line(fmt::format("logged out of {}: erased from {}", registry, place));
  }
  if (report.erased_from.empty()) printer.line(fmt::format("not logged in to {}", registry));
}

Run bind(Binder& binder) {
  // No options for the network: logging out only erases here. A token that a registry has issued stays valid until it
  // ends.
  auto request = std::make_shared<actions::LogoutRequest>();
  binder.complete(binder.app.add_option("REGISTRY", request->registry, "Host, or host:port"), Completes::registry)
      ->type_name("REGISTRY")
      ->required();
  return [request](CommandContext& context) -> Result<int> {
    print(request->registry, TRY(actions::logout(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"logout", "Log out of a registry or host", bind, Stage::ship}};

}  // namespace
std::span<const CommandDef> logout_command() { return defs; }
}  // namespace modelctl::cli
