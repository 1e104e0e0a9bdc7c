// pull: downloads a package after its signature has been verified.
#include "actions/pull.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// Who signed it is in the first line: it is what a pull adds to a copy. The signer's name is from the user's trust
// file, but names may be pasted from anywhere, so control characters are escaped.
void print(const actions::PullReport& report, Printer& printer) {
  const package::SignedManifest& taken = report.signed_manifest;
  const package::Manifest& manifest = taken.manifest;
  if (printer.format() == Printer::Format::json) {
    Json json = {{"name", manifest.name},
                 {"version", manifest.version},
                 {"package", taken.digest.text()},
                 {"signer", {{"name", taken.signer.name}, {"fingerprint", taken.signer.fingerprint.text()}}},
                 {"moved", report.moved},
                 {"reused", report.reused}};
    if (!report.folder.empty()) json["folder"] = report.folder.string();
    if (!report.archive.empty()) json["archive"] = report.archive.string();
    printer.json(canonical_json(json));
    return;
  }
  printer.line(
      fmt::format("pulled {} {}, signed by {}", manifest.name, manifest.version, printable(taken.signer.name)));
  if (!report.archive.empty()) printer.line(fmt::format("  archive  {}", report.archive.string()));
  if (!report.folder.empty()) printer.line(fmt::format("  folder   {}", report.folder.string()));
  std::string reused = report.reused == 0 ? "" : fmt::format(", {} were here from before", human_bytes(report.reused));
  printer.line(fmt::format("  {} moved{}", human_bytes(report.moved), reused));
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::PullRequest>();
  CLI::App& app = binder.app;
  binder
      .complete(app.add_option("REFERENCE", request->reference, "Package to pull, such as digits:1.2"),
                Completes::reference)
      ->type_name("REFERENCE")
      ->required();
  // At least one of folder and archive must be given, which the action checks: CLI11's message would not say what each
  // is for.
  binder.complete(app.add_option("-o,--folder", request->folder, "New folder to unpack it into"), Completes::folder)
      ->type_name("FOLDER");
  binder
      .complete(app.add_option("--archive", request->archive, "File for the archive as it was pushed"), Completes::file)
      ->type_name("FILE");
  bind_trust(binder, request->trust);
  bind_any_name(binder, request->any_name);
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    print(TRY(actions::pull(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {
    {"pull", "Bring a package here, its signature checked first", bind, Stage::ship, "download fetch"}};

}  // namespace
std::span<const CommandDef> pull_command() { return defs; }
}  // namespace modelctl::cli
