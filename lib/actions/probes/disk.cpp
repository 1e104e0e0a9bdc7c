// Where modelctl writes: the project's folder and the cache. A folder that does not exist yet is created when it is
// needed, so its nearest parent counts.
#include "actions/cache_folder.hpp"
#include "actions/probe.hpp"

#include <fmt/core.h>

#include <sys/statvfs.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr double little = 1.0;  // GiB; a model with its artifact and package may take as much

Finding folder(std::string subject, fs::path path, bool needed) {
  Finding finding{.subject = std::move(subject), .value = path.string(), .needed = needed};
  std::error_code code;
  for (path = fs::absolute(path, code); !fs::exists(path, code) && path.has_relative_path();) path = path.parent_path();
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0 || ::access(path.c_str(), W_OK | X_OK) != 0) {
    finding.state = Finding::State::broken;
    finding.reason = "it cannot be written to: " + std::generic_category().message(errno);
    return finding;
  }
  double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize) / (std::uint64_t{1} << 30);
  finding.value += fmt::format(", {:.1f} GiB free", free);
  if (free >= little) return finding;
  finding.state = Finding::State::limited;
  finding.reason = "there is little space left";
  return finding;
}

std::vector<Finding> run(const ProbeContext& context) {
  std::vector<Finding> findings{folder("current folder", ".", false)};
  // Only `build` writes for a project.
  const Project* project = context.usable_project();
  if (project != nullptr && !project->artifact.empty()) {
    fs::path parent = project->artifact.parent_path();
    findings.push_back(folder("folder of the artifact", parent.empty() ? "." : parent, true));
  }
  auto cache = cache_folder("packages", context.host.environment);
  findings.push_back(cache ? folder("cache", *cache, false) : broken("cache", cache.error()));
  return findings;
}

constexpr ProbeDef defs[] = {{"disk", run}};

}  // namespace
std::span<const ProbeDef> disk_probe() { return defs; }
}  // namespace modelctl::actions
