// key show: prints the type and the fingerprint of a public key.
#include "actions/key.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::KeyShowRequest>();
  binder.complete(binder.app.add_option("KEY", request->key, "Public key"), Completes::public_key)->required();
  // The same two facts in both formats; the fingerprint is what `pack` and `verify` print for the signer.
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::key_show(*request, context.host));
    if (context.printer.format() == Printer::Format::json) {
      Json document = {{"type", name(report.algorithm)}, {"fingerprint", report.fingerprint.text()}};
      context.printer.json(canonical_json(document));
      return 0;
    }
    context.printer.line(fmt::format("type         {}", name(report.algorithm)));
    context.printer.line(fmt::format("fingerprint  {}", report.fingerprint.text()));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"key show", "Show the type and fingerprint of a public key", bind}};

}  // namespace
std::span<const CommandDef> key_show_command() { return defs; }
}  // namespace modelctl::cli
