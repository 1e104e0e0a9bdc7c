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

std::vector<Finding> run(const ProbeContext& context) {
  if (!context.project) {
    return {{.subject = std::string(project_file),
             .state = Finding::State::absent,
             .reason = "this folder is not a project, so nothing is needed",
             .help = "modelctl init"}};
  }
  if (!*context.project) {
    Finding finding = broken(std::string(project_file), context.project->error());
    finding.needed = true;
    return {std::move(finding)};
  }
  const Project& project = **context.project;
  std::error_code code;
  std::vector<Finding> findings{{.subject = std::string(project_file), .value = "valid", .needed = true}};
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
