// key generate: generates a new pair of signing keys.
#include "actions/key.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>

namespace modelctl::cli {
namespace {

// The type is text because CLI11 checks it against the two words, and help lists them.
struct Flags {
  actions::KeyGenerateRequest request;
  std::string type = "ecdsa-p256";
};

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  actions::KeyGenerateRequest& request = flags->request;
  CLI::App& app = binder.app;
  binder.complete(app.add_option("-o", request.prefix, "Write PREFIX.key (secret) and PREFIX.pub"), Completes::file)
      ->type_name("PREFIX")
      ->required();
  app.add_option("--type", flags->type, "Type of the key")->check(CLI::IsMember({"ecdsa-p256", "ed25519"}));
  binder
      .complete(app.add_option("--password-file", request.password_file,
                               "File whose first line is the passphrase; else MODELCTL_PASSWORD, else a prompt"),
                Completes::file)
      ->type_name("FILE");
  // There is no option for the passphrase itself: arguments are visible to every user of the machine (ps) and stay in
  // the shell's history.
  app.add_flag("--no-password", request.no_password, "Leave the private key unencrypted");
  app.add_flag("--force", request.force, "Replace existing keys");
  return [flags](CommandContext& context) -> Result<int> {
    bool ed25519 = flags->type == "ed25519";
    flags->request.algorithm = ed25519 ? package::Algorithm::ed25519 : package::Algorithm::ecdsa_p256;
    auto report = TRY(actions::key_generate(flags->request, context.host));
    // Where the files are and which key it is, and nothing of the private key. The fingerprint is for comparing by eye
    // or by phone what others will trust.
    if (context.printer.format() == Printer::Format::json) {
      Json document = {{"type", name(report.algorithm)},
                       {"fingerprint", report.fingerprint.text()},
                       {"private_key", report.secret.string()},
                       {"public_key", report.public_key.string()}};
      context.printer.json(canonical_json(document));
      return 0;
    }
    context.printer.line(fmt::format("private key  {}", report.secret.string()));
    context.printer.line(fmt::format("public key   {}", report.public_key.string()));
    context.printer.line(fmt::format("fingerprint  {}", report.fingerprint.text()));
    return 0;
  };
}

// The group "key" has no file of its own: it is declared here, with the first of its commands.
constexpr CommandDef defs[] = {
    {"key", "Generate and show signing keys", nullptr, Stage::ship},
    {.name = "key generate", .summary = "Generate a new pair of signing keys", .bind = bind, .output_was_file = true}};

}  // namespace
std::span<const CommandDef> key_generate_command() { return defs; }
}  // namespace modelctl::cli
