// Each setting is the flag, else what the platform asks for, else the value in modelctl.yaml, else the default. The
// model is loaded while the server already listens; the order of the checks is documented in
// docs/explanation/serving.md.
#include "actions/serve.hpp"

#include "actions/check_samples.hpp"
#include "actions/named_package.hpp"
#include "actions/wrong_file.hpp"
#include "ops/schema/operator.hpp"
#include "serve/grpc/grpc_server.hpp"
#include "serve/platforms.hpp"
#include "serve/serve.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

std::string samples(std::size_t count) { return fmt::format("{} sample{}", count, count == 1 ? "" : "s"); }

// The model card: the README among the documents, else the first one in Markdown. One that is too long to be read on a
// page is left out.
std::string card_of(const package::Package& package) {
  constexpr std::uint64_t limit = 256 << 10;
  const package::Entry* card = nullptr;
  for (const package::Entry& entry : package.manifest().entries) {
    if (entry.role != package::Role::document || !entry.path.ends_with(".md") || entry.size > limit) continue;
    if (card == nullptr || entry.path.ends_with("/README.md")) card = &entry;
  }
  auto content = card == nullptr ? ByteSpan() : package.content(card->path).value_or(ByteSpan());
  return std::string(as_text(content));
}

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
  loaded.info.description = manifest.description;
  loaded.info.license = manifest.license;
  loaded.info.card = card_of(*opened.package);
  for (const package::Quality& measure : manifest.quality) loaded.info.quality[measure.metric] = measure.value;
  std::size_t checked = TRY(check_samples(*opened.package, loaded.model, memory_bytes, host));
  if (checked > 0) host.reporter.info(fmt::format("computed {} of the package: as expected", samples(checked)));
  return loaded;
}

// One model, and what it is called if it has no name and version of its own. A package has both; modelctl.yaml names
// other models.
struct Job {
  ModelSource source;
  std::string name, version;

  Result<serve::Loaded> open(std::uint64_t memory_bytes, Host& host) const {
    serve::Loaded loaded = TRY(load(source, memory_bytes, host));
    if (!name.empty()) loaded.info.name = name;
    if (!version.empty()) loaded.info.version = version;
    return loaded;
  }
};

// The settings of modelctl.yaml apply whatever the models are.
Result<Job> complete(const ServeRequest& given, const std::string& text, serve::Settings& settings, Host& host) {
  Job job{given.source, given.name, ""};
  job.source.text = text;
  auto merge = TRY(complete_source("serve", job.source));
  TRY(merge.readable());  // its settings apply to every model: certificates and limits must not be missing
  settings = serve::complete(given.settings, serve::platform_settings(host.environment), merge.project().serve);
  bool package = is_reference(job.source.text) || role_of(job.source.text) == kinds::Role::package;
  if (!package) {
    merge.value("package.name", job.name, merge.project().package.name);
    merge.value("package.version", job.version, merge.project().package.version);
  }
  merge.report(host.reporter);
  return job;
}

// Of a server that is given no model but a folder of them.
Result<serve::Settings> settings_for_folder(const ServeRequest& given, Host& host) {
  auto merge = TRY(ProjectMerge::of_source("serve", *given.settings.models));
  TRY(merge.readable());
  return serve::complete(given.settings, serve::platform_settings(host.environment), merge.project().serve);
}

}  // namespace

Result<ServeReport> serve(const ServeRequest& given, Host& host) {
  if (given.models.size() > 1 && !given.name.empty()) {
    return Error(Kind::usage, "name-of-several", "cannot give one name to several models")
        .help("leave out --name, or serve one model");
  }
  serve::Settings settings;
  serve::ServeSources sources;
  auto models = given.models;
  if (models.empty() && given.settings.models) settings = TRY(settings_for_folder(given, host));
  else if (models.empty()) models.push_back("");
  for (const std::string& text : models) {
    Job job = TRY(complete(given, text, settings, host));
    sources.models.push_back([job = std::move(job), &settings, &host] { return job.open(settings.max_memory, host); });
  }
  sources.open_file = [&](const std::filesystem::path& file) -> serve::OpenModel {
    Job job{given.source, "", ""};
    job.source.text = file.string();
    return [job = std::move(job), &settings, &host] { return job.open(settings.max_memory, host); };
  };
  auto totals = TRY(serve::serve_until_stopped(settings, std::move(sources), host.clock, host.environment,
                                               host.reporter, given.events, host.stop, serve::start_grpc));
  return ServeReport{totals.port};
}

}  // namespace modelctl::actions
