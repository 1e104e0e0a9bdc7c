// An artifact records the SHA-256 of the model that it was built from, and so do the package and the program that it is
// in. So what was built from the project's model in different ways, such as with other sizes, is recognized as the
// project's.
#include "actions/project_merge.hpp"

#include "actions/named_package.hpp"
#include "actions/processing_labels.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/appended.hpp"
#include "base/digest.hpp"
#include "base/json.hpp"
#include "base/mapped_file.hpp"
#include "package/package.hpp"

#include <fmt/ranges.h>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code code;
  return fs::equivalent(a, b, code);
}

// Whether a file records that it was built from the model with this digest, or is that model.
Result<bool> records(const fs::path& file, const Digest& model) {
  auto in = [&](const artifact::Artifact& artifact) {
    auto recorded = artifact.plan.metadata.find("source");
    return recorded != artifact.plan.metadata.end() && recorded->second == model.text();
  };
  switch (role_of(file)) {
    case kinds::Role::artifact: return in(TRY(artifact::open(file)));
    case kinds::Role::program: return in(TRY(artifact::open_appended(file, file.string())));
    case kinds::Role::package: {
      const auto opened = TRY(package::Package::open(file));
      const auto& sources = opened.manifest().lineage.sources;
      return std::any_of(sources.begin(), sources.end(), [&](const auto& source) { return source.digest == model; });
    }
    default: break;
  }
  return Sha256::of(TRY(MappedFile::open(file))->bytes()) == model;
}

std::string rename_help() { return fmt::format("rename it: mv {} {}", misnamed_project_file, project_file); }

// A file that looks like a project but is not read.
std::optional<Error> misnamed_project() {
  std::error_code code;
  if (!fs::exists(misnamed_project_file, code)) return std::nullopt;
  Error warning(Kind::bad_config, "misnamed-project", fmt::format("'{}' is not read", misnamed_project_file));
  if (!fs::exists(project_file, code)) return std::move(warning).help(rename_help());
  return std::move(warning)
      .because(fmt::format("'{}' is there too, and is read", project_file))
      .help(fmt::format("remove one of them: a project is '{}'", project_file));
}

// What cannot be opened is not of another model: the command fails on it, and reports why.
bool built_from(const fs::path& file, const fs::path& model) {
  auto source = MappedFile::open(model);
  auto same = records(file, source ? Sha256::of((*source)->bytes()) : Digest());
  return !same || *same;
}

// What the artifact was not built from as it is now, such as "'m.onnx'"; empty if there is nothing. Digests decide and
// not times, because a file that was moved, copied or unpacked may keep the time at which it was made.
std::string changed_since_built(const Project& project) {
  std::error_code code;
  if (!fs::exists(project.artifact, code) || !fs::exists(project.model, code)) return "";
  if (!built_from(project.artifact, project.model)) return fmt::format("'{}'", project.model.string());
  kinds::Role role = role_of(project.artifact);
  if (role != kinds::Role::artifact && role != kinds::Role::program) return "";
  auto opened = role == kinds::Role::artifact ? artifact::open(project.artifact)
                                              : artifact::open_appended(project.artifact, project.artifact.string());
  if (!opened) return "";
  const auto& metadata = opened->plan.metadata;
  constexpr std::string_view external = "source.external.";
  for (auto at = metadata.lower_bound(std::string(external)); at != metadata.end() && at->first.starts_with(external);
       ++at) {
    fs::path file = project.model.parent_path() / at->first.substr(external.size());
    auto data = MappedFile::open(file);
    if (!data || Sha256::of((*data)->bytes()).text() != at->second) return fmt::format("'{}'", file.string());
  }
  auto recorded = metadata.find(std::string(settings_key));
  auto settings = settings_digest(project);  // fails if a file of labels cannot be read
  if (!settings || *settings != (recorded == metadata.end() ? "" : recorded->second))
    return fmt::format("the settings of '{}'", project_file);
  return "";
}

}  // namespace

Result<std::string> settings_digest(const Project& project) {
  processing::Processing processing = project.processing;
  TRY(read_processing_labels(processing));
  if (processing.empty() && project.bind.empty()) return std::string();
  Json settings = {{"bind", project.bind}, {"processing", processing::canonical_text(processing)}};
  return Sha256::of(as_bytes(canonical_json(settings))).text();
}

ProjectMerge::ProjectMerge(Project project, std::optional<Error> unreadable, fs::path argument, Accepts accepts)
    : project_(std::move(project)),
      unreadable_(std::move(unreadable)),
      argument_(std::move(argument)),
      accepts_(accepts),
      named_(&Project::artifact) {
  std::error_code code;
  bool unbuilt = !project_.model.empty() && !fs::exists(project_.artifact, code);
  if (accepts == Accepts::model || (accepts == Accepts::any && unbuilt)) named_ = &Project::model;
}

Result<ProjectMerge> ProjectMerge::of_model(std::string_view command, const fs::path& argument) {
  return read(command, argument, Accepts::model);
}

Result<ProjectMerge> ProjectMerge::of_artifact(std::string_view command, const fs::path& argument) {
  return read(command, argument, Accepts::artifact);
}

Result<ProjectMerge> ProjectMerge::of_source(std::string_view command, const fs::path& argument) {
  return read(command, argument, Accepts::any);
}

Result<ProjectMerge> ProjectMerge::read(std::string_view command, const fs::path& argument, Accepts accepts) {
  std::error_code code;
  bool exists = fs::exists(project_file, code);
  if (!exists && argument.empty()) {
    Error error(Kind::usage, "no-project",
                fmt::format("cannot {}: no {} was named, and there is no '{}' here", command,
                            accepts == Accepts::artifact ? "artifact" : "model", project_file));
    return std::move(error).help(fs::exists(misnamed_project_file, code)
                                     ? rename_help()
                                     : "name one, or make a project of a model: modelctl init MODEL.onnx");
  }
  auto project = exists ? read_project(project_file) : Project();
  if (!project && argument.empty()) return std::move(project).error();
  std::optional<Error> unreadable;
  if (!project) unreadable = std::move(project).error();
  ProjectMerge merge(project ? std::move(*project) : Project(), std::move(unreadable), argument, accepts);
  if (!merge.subject().empty()) return merge;
  if (accepts == Accepts::model) {
    return Error(Kind::bad_config, "no-model-named",
                 fmt::format("cannot {}: '{}' names no model", command, project_file))
        .help("add a line 'model: FILE' to it");
  }
  return Error(Kind::bad_config, "no-artifact-named",
               fmt::format("cannot {}: '{}' names no artifact", command, project_file))
      .help("add a line 'artifact: FILE' to it");
}

// Nothing is known of what a reference names before it was pulled.
bool ProjectMerge::describes_subject() const {
  if (argument_.empty() || (project_.model.empty() && project_.artifact.empty())) return true;
  if (accepts_ == Accepts::any && is_reference(argument_.string())) return false;
  std::error_code code;
  if (same_file(argument_, named()) || !fs::exists(argument_, code)) return true;
  return accepts_ != Accepts::model && built_from(argument_, project_.model);
}

bool ProjectMerge::applies(std::string_view key) {
  if (!describes_) describes_ = describes_subject();
  if (!*describes_) left_out_.push_back(key);
  return *describes_;
}

Result<std::string> ProjectMerge::settings() {
  if (!describes_) describes_ = describes_subject();
  return *describes_ ? settings_digest(project_) : std::string();
}

Result<void> ProjectMerge::readable() const { return unreadable_ ? Result<void>(*unreadable_) : Result<void>(); }

const std::optional<Error>& ProjectMerge::stale() {
  if (stale_) return *stale_;
  stale_.emplace();
  if (named_ != &Project::artifact || !same_file(subject(), project_.artifact)) return *stale_;
  if (std::string changed = changed_since_built(project_); !changed.empty()) {
    stale_->emplace(Kind::bad_input, "stale-artifact",
                    fmt::format("'{}' was not built from {} as {} now", project_.artifact.string(), changed,
                                changed.starts_with("the settings") ? "they are" : "it is"));
    (*stale_)->hint = "build it again: modelctl build";
  }
  return *stale_;
}

void ProjectMerge::report(Reporter& reporter) {
  if (auto misnamed = misnamed_project()) reporter.warn(*misnamed);
  if (unreadable_) {
    Error warning = *unreadable_;
    reporter.warn(std::move(warning).because("nothing of it is used: the model was named on the command line"));
  }
  if (const auto& warning = stale()) reporter.warn(*warning);
  if (left_out_.empty()) return;
  std::string reason = fmt::format("'{}' is not the {} that the file names", argument_.string(),
                                   named_ == &Project::model ? "model" : "artifact");
  if (accepts_ != Accepts::model && !project_.model.empty()) {
    reason += fmt::format(", and is not known to be built from '{}'", project_.model.string());
  }
  reporter.warn(
      Error(Kind::usage, "other-model", fmt::format("left out of '{}': {}", project_file, fmt::join(left_out_, ", ")))
          .because(std::move(reason))
          .help("give what applies to it with flags, or use it in a folder of its own"));
}

}  // namespace modelctl::actions
