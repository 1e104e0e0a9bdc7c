// push: uploads a package to a registry or host.
#include "actions/push.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// The reference in the result has the digest if the place has one: unlike a tag it cannot be moved to another
// package, so it is what a deployment should use.
void print(const actions::PushReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json json = {{"reference", report.reference}, {"package", report.package.text()},
                 {"name", report.name},           {"version", report.version},
                 {"sent", report.sent},           {"skipped", report.skipped}};
    if (report.digest) json["digest"] = report.digest->text();
    printer.json(canonical_json(json));
    return;
  }
  printer.line(fmt::format("pushed {} {} to {}", report.name, report.version, report.reference));
  printer.line(fmt::format("  {} sent, {} already present", human_bytes(report.sent), human_bytes(report.skipped)));
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::PushRequest>();
  binder
      .complete(binder.app.add_option("PACKAGE", request->package, "Package: an archive or an unpacked folder"),
                Completes::package)
      ->type_name("PACKAGE")
      ->required();
  binder
      .complete(
          binder.app.add_option("REFERENCE", request->reference, "Destination with the version, such as digits:1.2"),
          Completes::reference)
      ->type_name("REFERENCE")
      ->required();
  // One flag for both refusals: who means to replace something has looked at it, and the message says which refusal it
  // was.
  binder.app.add_flag("--force", request->force,
                      "Replace another package that is there, and push under another name or version");
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    print(TRY(actions::push(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"push", "Bring a package to a registry or host", bind, Stage::ship, "publish upload"}};

}  // namespace
std::span<const CommandDef> push_command() { return defs; }
}  // namespace modelctl::cli
