// verify: checks that a package is exactly what was signed, and by whom.
#include "actions/verify.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// The first line is the answer. The rest is what a reader compares with what the sender has published: digest, signer,
// key.
void print_text(const package::SignedManifest& opened, Printer& printer) {
  const package::Manifest& manifest = opened.manifest;
  printer.line(fmt::format("{}:{} is as it was signed", manifest.name, manifest.version));
  printer.line(fmt::format("digest     {}", opened.digest.text()));
  printer.line(fmt::format("signed by  {}", opened.signer.name));
  printer.line(fmt::format("key        {} {}", opened.signer.fingerprint.text(), name(opened.signer.algorithm)));
  if (!manifest.license.empty()) printer.line(fmt::format("license    {}", manifest.license));
  printer.line("");
  Table table{{"entry", "role", "size", "digest"}, {}};
  for (const package::Entry& entry : manifest.entries) {
    table.rows.push_back({entry.path, std::string(name(entry.role)), human_bytes(entry.size), entry.digest.text()});
  }
  printer.table(table);
}

// `manifest` holds what was signed and not the struct that it was read into, so that nothing is lost on the way.
void print_json(const package::SignedManifest& opened, Printer& printer) {
  Json signer = {{"name", opened.signer.name},
                 {"fingerprint", opened.signer.fingerprint.text()},
                 {"type", name(opened.signer.algorithm)}};
  // The signed bytes verbatim. They have been parsed before, so they are valid JSON.
  Json document = {{"verified", true}, {"digest", opened.digest.text()}, {"signer", std::move(signer)}};
  if (auto manifest = parse_json(opened.text, "manifest.json")) document["manifest"] = std::move(*manifest);
  printer.json(canonical_json(document));
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::VerifyRequest>();
  CLI::App& app = binder.app;
  binder
      .complete(
          app.add_option("PACKAGE", request->package,
                         "Package, the folder it was unpacked into, or a reference; or an artifact or linked program"),
          Completes::reference)
      ->required();
  bind_trust(binder, request->trust);
  bind_any_name(binder, request->any_name);
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::verify(*request, context.host));
    bool json = context.printer.format() == Printer::Format::json;
    // Exit code 0, but "verified": false: intact bytes without a signer must not satisfy a script that looks at that
    // member.
    if (!report.signed_manifest) {
      if (json) context.printer.json(canonical_json(Json{{"verified", false}, {"intact", true}, {"signed", false}}));
      else context.printer.line(fmt::format("{}: intact, unsigned", request->package));
    } else if (json) {
      print_json(*report.signed_manifest, context.printer);
    } else {
      print_text(*report.signed_manifest, context.printer);
    }
    return 0;
  };
}

constexpr CommandDef defs[] = {{"verify", "Check a package's signature and every byte of it", bind, Stage::ship}};

}  // namespace
std::span<const CommandDef> verify_command() { return defs; }
}  // namespace modelctl::cli
