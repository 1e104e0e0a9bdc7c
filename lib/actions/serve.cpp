// Each setting is the flag, else the value in modelctl.yaml, else the default. The model is loaded while the server
// already listens; the order of the checks is documented in docs/explanation/serving.md.
#include "actions/serve.hpp"

#include "actions/check_samples.hpp"
#include "actions/named_package.hpp"
#include "actions/wrong_file.hpp"
#include "ops/schema/operator.hpp"
#include "serve/serve.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

std::string samples(std::size_t count) { return fmt::format("{} sample{}", count, count == 1 ? "" : "s"); }

// Loads the model. The outputs for the samples of a package must be as expected.
Result<serve::Loaded> load(const ModelSource& source, std::uint64_t memory_bytes, Host& host) {
  OpenedModel opened = TRY(open_model(source, host));
  serve::Loaded loaded;
  loaded.info.name = opened.name;
  loaded.model = TRY(runtime::Model::load(std::move(opened.artifact), ops::run_table(), kernels::Cpu::detect()));
  if (opened.package == nullptr) return loaded;
  const package::Manifest& manifest = opened.package->manifest();
  loaded.info.version = manifest.version;
  loaded.info.signer = opened.signer;
  loaded.info.package = manifest.name;
  loaded.info.digest = opened.package->digest().text();
  for (const package::Quality& measure : manifest.quality) loaded.info.quality[measure.metric] = measure.value;
  std::size_t checked = TRY(check_samples(*opened.package, loaded.model, memory_bytes, host.stop));
  if (checked > 0) host.reporter.info(fmt::format("computed {} of the package: as expected", samples(checked)));
  return loaded;
}

// What is served, and how. A package has a name and a version of its own; modelctl.yaml names other models.
struct Job {
  ModelSource model;
  serve::Settings settings;
  std::string name, version;  // of the model, for what has none of its own
};
Result<Job> complete(const ServeRequest& given, Reporter& reporter) {
  Job job{given.model, {}, given.name, ""};
  auto merge = TRY(complete_source("serve", job.model));
  TRY(merge.readable());  // its settings apply to every model: certificates and limits must not be missing
  job.settings = serve::complete(given.settings, merge.project().serve);
  bool package = is_reference(job.model.text) || role_of(job.model.text) == kinds::Role::package;
  if (!package) {
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
    serve::Loaded loaded = TRY(load(job.model, job.settings.max_memory, host));
    if (!job.name.empty()) loaded.info.name = job.name;
    if (!job.version.empty()) loaded.info.version = job.version;
    return loaded;
  };
  auto totals =
      TRY(serve::serve_until_stopped(job.settings, load_named, host.clock, host.reporter, given.events, host.stop));
  return ServeReport{totals.port};
}

}  // namespace modelctl::actions
