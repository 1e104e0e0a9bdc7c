// The files that modelctl.yaml names. All of them are needed, except the artifact, which `build` makes.
#include "actions/probe.hpp"

#include <fmt/core.h>

#include <filesystem>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

Finding missing(std::string subject, const fs::path& file) {
  return {.subject = std::move(subject),
          .state = Finding::State::broken,
          .value = file.string(),
          .reason = "there is no such file",
          .needed = true};
}

// A file with a likely wrong name, which no command reads.
std::vector<Finding> misnamed(bool also_right) {
  std::error_code code;
  if (!fs::exists(misnamed_project_file, code)) return {};
  return {{.subject = std::string(misnamed_project_file),
           .state = Finding::State::limited,
           .reason = "it is not read" + (also_right ? fmt::format(": '{}' is", project_file) : std::string()),
           .help = also_right ? "remove it" : fmt::format("mv {} {}", misnamed_project_file, project_file)}};
}

std::vector<Finding> run(const ProbeContext& context) {
  std::vector<Finding> findings = misnamed(context.project.has_value());
  if (!context.project) {
    findings.push_back({.subject = std::string(project_file),
                        .state = Finding::State::absent,
                        .reason = "this folder is not a project, so nothing is needed",
                        .help = "modelctl init"});
    return findings;
  }
  if (!*context.project) {
    findings.push_back(broken(std::string(project_file), context.project->error()));
    findings.back().needed = true;
    return findings;
  }
  const Project& project = **context.project;
  std::error_code code;
  findings.push_back({.subject = std::string(project_file), .value = "valid", .needed = true});
  auto check = [&](const char* subject, const fs::path& file) {
    if (!file.empty() && !fs::exists(file, code)) findings.push_back(missing(subject, file));
  };
  check("model", project.model);
  for (const fs::path& document : project.package.documents) check("package.documents", document);
  for (const Project::Sample& sample : project.samples) {
    for (const auto& [name, file] : sample.inputs) check("samples", file);
    for (const auto& [name, file] : sample.outputs) check("samples", file);
    check("samples", sample.labels);
  }
  if (!project.artifact.empty() && !fs::exists(project.artifact, code)) {
    findings.push_back({.subject = "artifact",
                        .state = Finding::State::absent,
                        .value = project.artifact.string(),
                        .reason = "it is not built yet",
                        .help = "modelctl build"});
  }
  return findings;
}

constexpr ProbeDef defs[] = {{"project", run}};

}  // namespace
std::span<const ProbeDef> project_probe() { return defs; }
}  // namespace modelctl::actions
