// Each kind has one function that opens it; open_model() only decides which.
#include "actions/model_source.hpp"

#include "actions/artifact_cache.hpp"
#include "actions/named_package.hpp"
#include "actions/package_cache.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/appended.hpp"
#include "artifact/integrity.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

// Verifies the signature, or without a trusted key only the content. Returns the signer.
Result<std::string> check_package(const package::Package& package, const ModelSource& source, Host& host) {
  if (auto trust = TRY(configured_trust(source.trust, host.environment)))
    return TRY(package.verify(*trust, host.reporter, host.stop)).signer.name;
  TRY(package.check_content(host.reporter, host.stop));
  host.reporter.warn(Error(Kind::untrusted, "signature-not-checked",
                           "using a package of which only the bytes were checked, not who signed it")
                         .at(source.shown())
                         .help("name whom you trust with --key FILE.pub, --trust FILE or MODELCTL_TRUST"));
  return std::string();
}

// Stable: what is verified now may compute results for weeks, so a file that is written to meanwhile must be noticed.
Result<OpenedModel> open_package(const fs::path& path, const ModelSource& source, Host& host) {
  auto opened = package::Package::open_stable(path);
  if (!opened) return name_kind(std::move(opened).error(), path, kinds::Role::package);
  auto package = std::make_shared<const package::Package>(std::move(*opened));
  std::string signer = TRY(check_package(*package, source, host));
  const package::Entry* plan = package->first(package::Role::plan);
  const package::Entry* weights = package->first(package::Role::weights);
  if (plan == nullptr || weights == nullptr) {
    return Error(Kind::bad_input, "no-artifact",
                 fmt::format("cannot use '{}': it contains no artifact", source.shown()))
        .help("pack an artifact that 'modelctl build' made");
  }
  auto artifact =
      TRY(artifact::open(TRY(package->content(plan->path)), TRY(package->content(weights->path)), package, plan->path));
  // The package was verified, which says more than the digest in the artifact; it must only stay as it was.
  artifact.integrity = std::make_shared<const artifact::Integrity>([package] { return package->check_unchanged(); });
  artifact.files.assign(package->files().begin(), package->files().end());
  return OpenedModel{std::move(artifact), package->manifest().name, package, std::move(signer)};
}

// A reference is pulled first. What is in the cache was verified when it was pulled; if it no longer verifies, it was
// damaged there since.
Result<OpenedModel> open_reference(const ModelSource& source, Host& host) {
  fs::path folder = TRY(cached_package(source.text, source.trust, source.remote, source.any_name, host));
  auto opened = open_package(folder, source, host);
  if (opened || opened.error().kind != Kind::untrusted) return opened;
  return std::move(opened).error().help(fmt::format("remove '{}' to have it pulled again", folder.string()));
}

// An ONNX model, or a file of another kind, which the error names if it is known.
Result<OpenedModel> open_onnx(const fs::path& path, const ModelSource& source, Host& host) {
  auto built = built_artifact(source, host);
  if (built) return OpenedModel{std::move(*built), path.stem().string(), nullptr, ""};
  Error error = std::move(built).error();
  if (error.code == "no-onnx" && kind_of(path) == nullptr)
    error.why.push_back("it is not an artifact, a package or a linked program either");
  return error;
}

Result<OpenedModel> open(const ModelSource& source, Host& host) {
  if (is_reference(source.text)) return open_reference(source, host);
  fs::path path = source.text;
  std::error_code code;
  if (!fs::exists(path, code)) {
    return Error(Kind::not_found, "no-such-file", fmt::format("cannot find '{}'", source.text))
        .because("there is no such file or folder, and a reference to a package has a tag, as in digits:1.0")
        .help("check the path");
  }
  auto plain = [&](Result<artifact::Artifact> opened) -> Result<OpenedModel> {
    return OpenedModel{TRY(std::move(opened)), path.stem().string(), nullptr, ""};
  };
  switch (role_of(path)) {
    case kinds::Role::artifact: return plain(artifact::open(path));
    case kinds::Role::package: return open_package(path, source, host);
    case kinds::Role::program: return plain(artifact::open_appended(path, source.text));
    default: break;
  }
  // A folder of no known kind may be a package that lost its manifest.
  if (fs::is_directory(path, code) && kind_of(path) == nullptr) return open_package(path, source, host);
  return open_onnx(path, source, host);
}

}  // namespace

Result<ProjectMerge> complete_source(std::string_view command, ModelSource& source) {
  fs::path given = source.text;
  source.kept = TRY(take_standard_input(given));
  auto merge = TRY(ProjectMerge::of_source(command, given));
  source.text = merge.subject().string();
  kinds::Role role = is_reference(source.text) ? kinds::Role::package : role_of(source.text);
  bool builds = role == kinds::Role::model || role == kinds::Role::none;
  if (builds) {
    merge.entries("bind", source.bindings, merge.project().bind);
    merge.value("inputs, outputs", source.processing, merge.project().processing);
  }
  return merge;
}

Result<OpenedModel> open_model(const ModelSource& source, Host& host) { return named(open(source, host), source.kept); }

Result<std::optional<package::Trust>> configured_trust(const package::TrustRequest& request,
                                                       const Environment& environment) {
  bool configured = !request.key.empty() || !request.file.empty() || environment.get("MODELCTL_TRUST");
  if (!configured) return std::optional<package::Trust>();
  return std::optional(TRY(package::read_trust(request, environment)));
}

}  // namespace modelctl::actions
