// An artifact holds no code of one CPU (kernels are selected when it is loaded), so CPU features are not part of the
// key. The version alone does not identify modelctl: two builds of one version may write different artifacts, so the
// size and the time of the program's file are part of the key too.
#include "actions/artifact_cache.hpp"

#include "actions/build.hpp"
#include "actions/cache_folder.hpp"
#include "actions/model_faults.hpp"
#include "actions/processing_labels.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/integrity.hpp"
#include "base/digest.hpp"
#include "base/json.hpp"
#include "base/stopwatch.hpp"
#include "onnx/model.hpp"

#include <fmt/core.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <optional>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view extension = ".artifact";

// What an artifact was built from: the digests of the model and of its external data, and what the model states of
// itself.
Json sources_in(const std::map<std::string, std::string>& metadata) {
  Json sources = Json::object();
  for (const auto& [name, value] : metadata) {
    if (name.starts_with("source")) sources[name] = value;
  }
  return sources;
}

Result<Json> sources_of(const BuildRequest& request) {
  auto graph = onnx::read(request.model);
  if (!graph) {
    Error error = name_kind(std::move(graph).error(), request.model, kinds::Role::model);
    return in_model(std::move(error), {request.model, nullptr, request.bindings});
  }
  return sources_in((*graph)->metadata);
}

// The digest of everything that determines the artifact.
Digest key_of(const BuildRequest& request, const Json& sources) {
  struct stat program {};
  if (::stat("/proc/self/exe", &program) != 0) program = {};
  Json key = {{"modelctl", MODELCTL_VERSION},
              {"program", {program.st_size, program.st_mtim.tv_sec, program.st_mtim.tv_nsec}},
              {"level", request.level},
              {"bindings", request.bindings},
              {"processing", canonical_text(request.processing)},
              {"sources", sources}};
  return Sha256::of(as_bytes(canonical_json(key)));
}

// The folder of the cache, made if needed; the reason if nothing can be kept there.
Result<fs::path> writable_cache(const Environment& environment) {
  fs::path folder = TRY(cache_folder(artifact_cache, environment));
  TRY(make_folder(folder, 0700));
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return folder;
  return system_error(errno, fmt::format("cannot write to '{}'", folder.string()), folder);
}

// The artifact that an earlier command left, if it is there and intact. Whatever is wrong with it, it is built again.
std::optional<artifact::Artifact> intact(const fs::path& file) {
  auto opened = artifact::open(file);
  if (!opened || !opened->integrity->check()) return std::nullopt;
  return std::move(*opened);
}

}  // namespace

Result<artifact::Artifact> built_artifact(const ModelSource& source, Host& host) {
  Stopwatch watch(host.clock);
  BuildRequest request{
      .model = source.text, .bindings = source.bindings, .processing = source.processing, .reads_project = false};
  TRY(read_processing_labels(request.processing));
  Json sources = TRY(sources_of(request));
  auto cache = writable_cache(host.environment);
  std::optional<TemporaryFolder> elsewhere;
  if (!cache) elsewhere.emplace(TRY(TemporaryFolder::create(fs::temp_directory_path())));
  request.output = (cache ? *cache : elsewhere->path()) / (key_of(request, sources).hex() + std::string(extension));
  if (auto kept = intact(request.output)) return std::move(*kept);
  TRY(build(request, host));
  if (cache) limit_cache(*cache, request.output, artifact_cache.limit);
  host.reporter.info(fmt::format("built '{}' in {:.2f} s ({})", source.shown(), watch.seconds(),
                                 cache ? "cached" : "not cached: " + cache.error().what));
  auto built = TRY(artifact::open(request.output));
  // Somebody wrote to the model meanwhile: the artifact is right, but must not be found under the digests of before.
  std::error_code code;
  if (sources_in(built.plan.metadata) != sources) fs::remove(request.output, code);
  return built;
}

}  // namespace modelctl::actions
