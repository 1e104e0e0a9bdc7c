// pack: packs an artifact and everything that belongs to it into one signed package.
#include "actions/pack.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/output.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace modelctl::cli {
namespace {

struct Flags {
  actions::PackRequest request;
  std::map<package::Role, std::vector<std::string>> files;
  std::vector<std::string> quality, annotations;
};

// The error for an option whose value has its own syntax, which CLI11 cannot check.
Error bad_value(const char* option, const std::string& value, const char* form) {
  return Error(Kind::usage, "bad-option", fmt::format("cannot use {} '{}'", option, value))
      .because(fmt::format("it is not of the form {}", form));
}

// "accuracy=0.98" or "accuracy=0.98@held-back digits"
Result<package::Quality> parse_quality(const std::string& text) {
  // The name of a data set may hold anything, '=' and '@' included: the first of each counts.
  std::size_t equals = text.find('='), at = text.find('@', equals);
  package::Quality quality;
  if (equals != std::string::npos && equals > 0) {
    const char* begin = text.data() + equals + 1;
    const char* end = text.data() + std::min(at, text.size());
    auto [last, fault] = std::from_chars(begin, end, quality.value);
    if (fault == std::errc() && last == end && std::isfinite(quality.value)) {
      quality.metric = text.substr(0, equals);
      if (at != std::string::npos) quality.data_set = text.substr(at + 1);
      return quality;
    }
  }
  return bad_value("--quality", text, "METRIC=VALUE or METRIC=VALUE@DATA-SET");
}

Error given_twice(const char* option, const std::string& value) {
  return Error(Kind::usage, "given-twice", fmt::format("cannot use {} '{}'", option, value))
      .because("it was given before with another value")
      .help("leave out one of them");
}

// An empty value is rarely meant: it is a variable of a pipeline that is not set.
CLI::Validator not_empty() {
  return CLI::Validator([](std::string& text) { return std::string(text.empty() ? "it is empty" : ""); }, "");
}

// Moves what was parsed as text into the request. Done when the command runs, because CLI11 has no errors with a
// reason.
Result<void> complete(Flags& flags) {
  for (const auto& [role, paths] : flags.files) {
    for (const std::string& path : paths) flags.request.files.push_back({role, path});
  }
  for (const std::string& text : flags.quality) {
    package::Quality one = TRY(parse_quality(text));
    auto& all = flags.request.quality;
    auto same = std::ranges::find_if(
        all, [&](const auto& other) { return other.metric == one.metric && other.data_set == one.data_set; });
    if (same != all.end() && same->value != one.value) return given_twice("--quality", text);
    if (same == all.end()) all.push_back(std::move(one));
  }
  for (const std::string& text : flags.annotations) {
    std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return bad_value("--annotation", text, "KEY=VALUE");
    auto [at, added] = flags.request.annotations.emplace(text.substr(0, equals), text.substr(equals + 1));
    if (!added && at->second != text.substr(equals + 1)) return given_twice("--annotation", text);
  }
  return {};
}

// The digest is that of the package's manifest, which `verify` and `pull` report, too. A reference by digest in a
// registry has another one: that of the OCI manifest.
void print(const actions::PackReport& report, Printer& printer) {
  const package::Manifest& manifest = report.manifest;
  if (printer.format() == Printer::Format::json) {
    Json document = {{"package", report.output.string()},  {"name", manifest.name},
                     {"version", manifest.version},        {"digest", report.digest.text()},
                     {"size", report.archive_size},        {"entries", manifest.entries.size()},
                     {"signed_with", report.signer.text()}};
    return printer.json(canonical_json(document));
  }
  printer.line(fmt::format("packed       {}:{}", manifest.name, manifest.version));
  printer.line(fmt::format("package      {}, {}, {} entries", report.output.string(), human_bytes(report.archive_size),
                           manifest.entries.size()));
  printer.line(fmt::format("digest       {}", report.digest.text()));
  printer.line(fmt::format("signed with  {}", report.signer.text()));
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  actions::PackRequest& request = flags->request;
  CLI::App& app = binder.app;
  auto file = [&](CLI::Option* option) { return binder.complete(option, Completes::file)->type_name("FILE"); };
  binder.complete(
      app.add_option("ARTIFACT", request.artifact,
                     "Artifact written by 'modelctl build', or - for stdin; by default that of modelctl.yaml"),
      Completes::artifact);
  app.add_option("--name", request.name, "Name of the package")->type_name("NAME")->check(not_empty());
  // Neither is required here: modelctl.yaml may have them, and only the action knows.
  app.add_option("--version", request.version, "Version of the package")->type_name("V")->check(not_empty());
  // Required: there are no unsigned packages, so that nobody gets used to them.
  binder.complete(app.add_option("--key", request.key, "Private key to sign with"), Completes::private_key)
      ->type_name("FILE")
      ->required();
  bind_output(binder, request.output, "Package to write, or - for stdout")->required();
  file(app.add_option("--password-file", request.password_file,
                      "File whose first line is the key's passphrase; else MODELCTL_PASSWORD, else a prompt"));
  app.add_option("--description", request.description, "One line about the model")->type_name("TEXT");
  CLI::Option* license = app.add_option("--license", request.license, "SPDX expression of the license");
  license->type_name("SPDX");
  app.add_option("--licence", request.license)->group("")->excludes(license);  // the name in earlier versions
  app.add_option("--quality", flags->quality, "A metric of the model's quality, and the data it was measured on")
      ->type_name("METRIC=VALUE[@DATA-SET]");
  app.add_flag("--evaluate", request.evaluate,
               "Evaluate the model on the samples of modelctl.yaml, and add its metrics to the quality");
  app.add_option("--annotation", flags->annotations, "An additional entry of the manifest")->type_name("KEY=VALUE");
  // One option per role, all with the same form.
  struct More {
    package::Role role;
    const char *option, *description;
  };
  for (const More& more : {More{package::Role::sample, "--sample", "Input or expected output, to check the model with"},
                           More{package::Role::document, "--document", "Model card or other document"},
                           More{package::Role::source, "--source", "Source of the model"},
                           More{package::Role::code, "--code", "Code that goes with the model, a file or a folder"},
                           More{package::Role::sbom, "--sbom", "Bill of materials"},
                           More{package::Role::provenance, "--provenance", "Record of how the model was made"}}) {
    file(app.add_option(more.option, flags->files[more.role], more.description));
  }
  return [flags](CommandContext& context) -> Result<int> {
    TRY(complete(*flags));
    auto report = TRY(actions::pack(flags->request, context.host));
    if (!is_standard_output(report.output)) print(report, context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"pack", "Pack an artifact and what belongs to it, signed", bind, Stage::ship}};

}  // namespace
std::span<const CommandDef> pack_command() { return defs; }
}  // namespace modelctl::cli
