// Where modelctl writes: the project's folder and the cache.
#include "actions/cache_folder.hpp"
#include "actions/probe.hpp"

#include <filesystem>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

std::vector<Finding> run(const ProbeContext& context) {
  std::vector<Finding> findings{writable_folder("current folder", ".")};
  // Only `build` writes for a project.
  const Project* project = context.usable_project();
  if (project != nullptr && !project->artifact.empty()) {
    fs::path parent = project->artifact.parent_path();
    findings.push_back(writable_folder("folder of the artifact", parent.empty() ? "." : parent));
    findings.back().needed = true;
  }
  auto cache = cache_folder(package_cache, context.host.environment);
  findings.push_back(cache ? writable_folder("cache", *cache) : broken("cache", cache.error()));
  return findings;
}

constexpr ProbeDef defs[] = {{"disk", run}};

}  // namespace
std::span<const ProbeDef> disk_probe() { return defs; }
}  // namespace modelctl::actions
