// Each setting is the flag, else the value in modelctl.yaml, else the default. The model is loaded while the server
// already listens; the order of the checks is documented in docs/explanation/serving.md.
#include "actions/serve.hpp"

#include "actions/check_samples.hpp"
#include "actions/package_cache.hpp"
#include "actions/project_merge.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/integrity.hpp"
#include "base/mapped_file.hpp"
#include "ops/schema/operator.hpp"
#include "package/package.hpp"
#include "serve/serve.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

Result<artifact::Artifact> artifact_of(const std::shared_ptr<const package::Package>& package) {
  const package::Entry* plan = package->first(package::Role::plan);
  const package::Entry* weights = package->first(package::Role::weights);
  if (plan == nullptr || weights == nullptr) {
    return Error(Kind::bad_input, "no-artifact", "cannot serve the package: it holds no compiled model")
        .help("pack an artifact that 'modelctl build' made");
  }
  auto opened =
      TRY(artifact::open(TRY(package->content(plan->path)), TRY(package->content(weights->path)), package, plan->path));
  // The package was verified, which says more than the digest in the artifact; it must only stay as it was.
  opened.integrity = std::make_shared<const artifact::Integrity>([package] { return package->check_unchanged(); });
  return opened;
}

std::string samples(std::size_t count) { return fmt::format("{} sample{}", count, count == 1 ? "" : "s"); }

// Verifies the signature, or without a trusted key only the content; returns the signer for the metrics.
Result<std::string> check_package(const package::Package& package, const ServeRequest& request, Host& host) {
  bool trusted = !request.trust.key.empty() || !request.trust.file.empty() || host.environment.get("MODELCTL_TRUST");
  if (trusted) {
    auto trust = TRY(package::read_trust(request.trust, host.environment));
    return TRY(package.verify(trust, host.reporter, host.stop)).signer.name;
  }
  TRY(package.check_content(host.reporter, host.stop));
  host.reporter.warn(Error(Kind::untrusted, "signature-not-checked",
                           "serving a package of which only the bytes were checked, not who signed it")
                         .at(request.source)
                         .help("name whom you trust with --key FILE.pub, --trust FILE or MODELCTL_TRUST"));
  return std::string();
}

// The source as a local path: a reference is pulled first. What exists here wins over a reference that is spelled the
// same.
Result<fs::path> local_source(const ServeRequest& request, Host& host) {
  std::error_code code;
  if (fs::exists(request.source, code)) return fs::path(request.source);
  if (request.source.find(':') != std::string::npos)
    return cached_package(request.source, request.trust, request.remote, request.any_name, host);
  return Error(Kind::not_found, "no-such-file", fmt::format("cannot find '{}'", request.source))
      .because("there is no such file or folder, and a reference to a package has a tag, as in digits:1.0")
      .help("check the path");
}

// Verifies a package and loads its model, whose outputs for the samples must be as expected.
Result<serve::Loaded> load_package(package::Package&& opened, const ServeRequest& request, std::uint64_t memory_bytes,
                                   Host& host) {
  auto package = std::make_shared<const package::Package>(std::move(opened));
  serve::Loaded loaded;
  loaded.info.signer = TRY(check_package(*package, request, host));
  const package::Manifest& manifest = package->manifest();
  loaded.info.name = manifest.name;
  loaded.info.version = manifest.version;
  loaded.info.digest = package->digest().text();
  for (const package::Quality& measure : manifest.quality) loaded.info.quality[measure.metric] = measure.value;
  loaded.model = TRY(runtime::Model::load(TRY(artifact_of(package)), ops::run_table(), kernels::Cpu::detect()));
  std::size_t checked = TRY(check_samples(*package, loaded.model, memory_bytes, host.stop));
  if (checked > 0) host.reporter.info(fmt::format("computed {} of the package: as expected", samples(checked)));
  return loaded;
}

Result<serve::Loaded> load(const ServeRequest& request, std::uint64_t memory_bytes, Host& host) {
  fs::path path = TRY(local_source(request, host));
  // Stable: what is verified now is what computes answers for weeks, so a file that is written to meanwhile must be
  // noticed.
  auto package = package::Package::open_stable(path);
  if (package) {
    auto loaded = load_package(std::move(*package), request, memory_bytes, host);
    // A package from the cache that does not verify was damaged there since. One that the user named is the user's to
    // judge.
    if (loaded || path == request.source || loaded.error().kind != Kind::untrusted) return loaded;
    return std::move(loaded).error().help(fmt::format("remove '{}' to have it pulled again", path.string()));
  }
  // No package: a bare artifact, unless it is a folder or begins as packages do; then the package's fault is what
  // counts.
  std::error_code code;
  if (fs::is_directory(path, code) || role_of(path) == kinds::Role::package) {
    return name_kind(std::move(package).error(), path, kinds::Role::package);
  }
  auto bare = open_artifact(path);
  if (!bare) return std::move(bare).error();
  serve::Loaded loaded;
  loaded.info.name = path.stem().string();
  loaded.model = TRY(runtime::Model::load(std::move(*bare), ops::run_table(), kernels::Cpu::detect()));
  return loaded;
}

bool is_artifact(const fs::path& path) {
  auto file = MappedFile::open(path);
  return file && artifact::is_artifact((*file)->bytes());
}

// What is served, and how. A package has a name and a version of its own; modelctl.yaml names a bare artifact.
struct Job {
  ServeRequest request;
  serve::Settings settings;
  std::string name, version;  // of the model, for what has none of its own
};
Result<Job> complete(const ServeRequest& given, Reporter& reporter) {
  auto merge = TRY(ProjectMerge::of_artifact("serve", given.source, "package, artifact or reference"));
  Job job{given, serve::complete(given.settings, merge.project().serve), given.name, ""};
  job.request.source = merge.subject().string();
  if (is_artifact(job.request.source)) {
    merge.value("package.name", job.name, merge.project().package.name);
    merge.value("package.version", job.version, merge.project().package.version);
  }
  merge.report(reporter);
  return job;
}

}  // namespace

Result<ServeReport> serve(const ServeRequest& given, Host& host) {
  Job job = TRY(complete(given, host.reporter));
  auto load_named = [&]() -> Result<serve::Loaded> {
    serve::Loaded loaded = TRY(load(job.request, job.settings.max_memory, host));
    if (!job.name.empty()) loaded.info.name = job.name;
    if (!job.version.empty()) loaded.info.version = job.version;
    return loaded;
  };
  auto totals = TRY(serve::serve_until_stopped(job.settings, load_named, host.clock, host.reporter, host.stop));
  return ServeReport{totals.port};
}

}  // namespace modelctl::actions
