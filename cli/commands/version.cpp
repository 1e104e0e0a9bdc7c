// version: prints the version, or checks whether a release that was published is newer and genuine. And, hidden, the
// command that signs a release.
#include "actions/release.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

void print(const actions::CheckReleaseReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json signer = {{"name", report.signer.name},
                   {"fingerprint", report.signer.fingerprint.text()},
                   {"type", name(report.signer.algorithm)}};
    Json document = {{"version", MODELCTL_VERSION},
                     {"release", report.version},
                     {"newer", report.newer},
                     {"signer", std::move(signer)}};
    if (!report.file.empty()) document["file"] = report.file;
    return printer.json(canonical_json(document));
  }
  printer.line(fmt::format("release    {}, {} modelctl " MODELCTL_VERSION, report.version,
                           report.newer ? "newer than" : "not newer than"));
  printer.line(fmt::format("signed by  {}", report.signer.name));
  if (!report.file.empty()) printer.line(fmt::format("file       {} is as it was signed", report.file));
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::CheckReleaseRequest>();
  CLI::App& app = binder.app;
  auto file = [&](CLI::Option* option) { return binder.complete(option, Completes::file)->type_name("FILE"); };
  CLI::Option* check = binder.complete(
      app.add_option("--check", request->release, "A file of a release, or its SHA256SUMS: signed, and newer?"),
      Completes::file);
  check->type_name("FILE|URL");
  binder.complete(app.add_option("--key", request->trust.key, "Public key of the releases"), Completes::public_key)
      ->type_name("FILE")
      ->needs(check);
  file(app.add_option("--trust", request->trust.file,
                      "Trust file: names and keys of those whom you trust; else MODELCTL_TRUST"))
      ->needs(check);
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    if (request->release.empty()) {
      bool json = context.printer.format() == Printer::Format::json;
      if (json) context.printer.json(canonical_json(Json{{"version", MODELCTL_VERSION}}));
      else context.printer.line("modelctl " MODELCTL_VERSION);
      return 0;
    }
    auto report = TRY(actions::check_release(*request, context.host));
    print(report, context.printer);
    return report.newer ? 0 : 1;
  };
}

Run bind_sign(Binder& binder) {
  auto request = std::make_shared<actions::SignReleaseRequest>();
  CLI::App& app = binder.app;
  auto file = [&](CLI::Option* option) { return binder.complete(option, Completes::file)->type_name("FILE"); };
  binder.complete(app.add_option("LIST", request->list, "SHA256SUMS of a release"), Completes::file)->required();
  binder.complete(app.add_option("--key", request->key, "Private key to sign with"), Completes::private_key)
      ->type_name("FILE")
      ->required();
  file(app.add_option("--password-file", request->password_file,
                      "File whose first line is the key's passphrase; else MODELCTL_PASSWORD, else a prompt"));
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::sign_release(*request, context.host));
    context.printer.line(fmt::format("signed       {}", report.version));
    context.printer.line(fmt::format("signature    {}", report.signature.string()));
    context.printer.line(fmt::format("signed with  {}", report.signed_with.text()));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"version", "Print the version, or check a newer release", bind, Stage::ship},
                               {"sign-release", "", bind_sign}};

}  // namespace
std::span<const CommandDef> version_command() { return defs; }
}  // namespace modelctl::cli
