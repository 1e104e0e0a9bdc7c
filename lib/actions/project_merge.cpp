// An artifact records the SHA-256 of the model that it was built from. So the artifacts that were built from the
// project's model in different ways, such as with other sizes, are recognized as the project's.
#include "actions/project_merge.hpp"

#include "artifact/artifact.hpp"
#include "base/digest.hpp"
#include "base/mapped_file.hpp"

#include <fmt/ranges.h>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code code;
  return fs::equivalent(a, b, code);
}

// An artifact that cannot be opened is not another one: the command fails on it, and reports why.
bool built_from(const fs::path& artifact, const fs::path& model) {
  auto opened = artifact::open(artifact);
  if (!opened) return true;
  auto source = MappedFile::open(model);
  if (!source) return false;
  auto recorded = opened->plan.metadata.find("source");
  return recorded != opened->plan.metadata.end() && recorded->second == Sha256::of((*source)->bytes()).text();
}

}  // namespace

Result<ProjectMerge> ProjectMerge::of_model(std::string_view command, const fs::path& argument) {
  return read(command, "model", argument, &Project::model);
}

Result<ProjectMerge> ProjectMerge::of_artifact(std::string_view command, const fs::path& argument,
                                               std::string_view accepted) {
  return read(command, accepted, argument, &Project::artifact);
}

Result<ProjectMerge> ProjectMerge::read(std::string_view command, std::string_view accepted, const fs::path& argument,
                                        fs::path Project::*named) {
  std::error_code code;
  bool exists = fs::exists(project_file, code);
  if (!exists && argument.empty()) {
    return Error(Kind::usage, "no-project",
                 fmt::format("cannot {}: no {} was named, and there is no '{}' here", command, accepted, project_file));
  }
  ProjectMerge merge(exists ? TRY(read_project(project_file)) : Project(), argument, named);
  if (!merge.subject().empty()) return merge;
  if (named == &Project::model) {
    return Error(Kind::bad_config, "no-model-named",
                 fmt::format("cannot {}: '{}' names no model", command, project_file))
        .help("add a line 'model: FILE' to it");
  }
  return Error(Kind::bad_config, "no-artifact-named",
               fmt::format("cannot {}: '{}' names no artifact", command, project_file))
      .help("add a line 'artifact: FILE' to it");
}

bool ProjectMerge::describes_subject() const {
  if (argument_.empty() || (project_.model.empty() && project_.artifact.empty())) return true;
  std::error_code code;
  if (same_file(argument_, named()) || !fs::exists(argument_, code)) return true;
  return named_ == &Project::artifact && built_from(argument_, project_.model);
}

bool ProjectMerge::applies(std::string_view key) {
  if (!describes_) describes_ = describes_subject();
  if (!*describes_) left_out_.push_back(key);
  return *describes_;
}

void ProjectMerge::report(Reporter& reporter) const {
  if (left_out_.empty()) return;
  std::string reason = fmt::format("'{}' is not the {} that the file names", argument_.string(),
                                   named_ == &Project::model ? "model" : "artifact");
  if (named_ == &Project::artifact && !project_.model.empty()) {
    reason += fmt::format(", and is not known to be built from '{}'", project_.model.string());
  }
  reporter.warn(
      Error(Kind::usage, "other-model", fmt::format("left out of '{}': {}", project_file, fmt::join(left_out_, ", ")))
          .because(std::move(reason))
          .help("give what applies to it with flags, or use it in a folder of its own"));
}

}  // namespace modelctl::actions
