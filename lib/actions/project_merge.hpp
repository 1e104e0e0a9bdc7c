// How the arguments and flags of a command combine with modelctl.yaml: one rule for all commands, which
// docs/reference/modelctl-yaml.md documents.
//
// - A flag that takes one value takes precedence over the key.
// - A flag that may be repeated adds to the list or mapping of the key. Its entry replaces the one of the same name.
// - The file describes one model. If the argument is another one, all keys except `serve` are left out, and report()
//   lists those that the command would have used.
#pragma once

#include "actions/project.hpp"
#include "base/host.hpp"

#include <algorithm>

namespace modelctl::actions {

// The entry of an artifact's metadata that has the settings_digest() of the project that it was built in.
inline constexpr std::string_view settings_key = "project.settings";

// The digest of what modelctl.yaml says of how the model is built: `bind`, `inputs` and `outputs`. Empty if it says
// nothing of it. Files of labels count by their content, and fail as they do for `build`.
Result<std::string> settings_digest(const Project& project);

class ProjectMerge {
 public:
  // The modelctl.yaml of the current folder, for a command on an ONNX model, on an artifact, or on a model in any form
  // (model_source.hpp). Parent folders are not searched: a file that the user does not see must not decide what is
  // signed or served. `argument` is what was given. In place of a model in any form, the file names the artifact, or
  // the ONNX model if no artifact is named or none was built yet. If it is empty, the file names it: fails with usage
  // if there is no file, and with bad_config if the file does not name one. With an argument and no file, or one that
  // cannot be read, the merge changes nothing.
  static Result<ProjectMerge> of_model(std::string_view command, const std::filesystem::path& argument);
  static Result<ProjectMerge> of_artifact(std::string_view command, const std::filesystem::path& argument);
  static Result<ProjectMerge> of_source(std::string_view command, const std::filesystem::path& argument);

  // What the command uses: the argument, or what the file names.
  const std::filesystem::path& subject() const { return argument_.empty() ? named() : argument_; }
  const Project& project() const { return project_; }
  // The settings_digest() of the file, empty if it describes another model.
  Result<std::string> settings();
  // Fails if there is a file that cannot be read: for commands that must not run without what it may contain.
  Result<void> readable() const;

  // Completes what a flag gave with the value of a key. Values are empty() if they are absent.
  template <class T>
  void value(std::string_view key, T& flag, const T& file) {
    if (flag.empty() && !file.empty() && applies(key)) flag = file;
  }
  // The same for the entries of a mapping,
  template <class K, class V>
  void entries(std::string_view key, std::map<K, V>& flags, const std::map<K, V>& file) {
    bool adds = std::any_of(file.begin(), file.end(), [&](const auto& entry) { return !flags.contains(entry.first); });
    if (adds && applies(key)) flags.insert(file.begin(), file.end());
  }
  // and of a list, where name_of(entry) is the name. Those of the file come first.
  template <class T, class Name>
  void entries(std::string_view key, std::vector<T>& flags, std::vector<T> file, Name&& name_of) {
    std::erase_if(file, [&](const T& entry) {
      return std::any_of(flags.begin(), flags.end(), [&](const T& flag) { return name_of(flag) == name_of(entry); });
    });
    if (file.empty() || !applies(key)) return;
    file.insert(file.end(), flags.begin(), flags.end());
    flags = std::move(file);
  }

  // Warns of the keys that were left out, of a file that could not be read, and of one with a wrong name. Call it
  // before anything that may fail because of them.
  void report(Reporter& reporter);
  // The error that the project's artifact, if that is the subject, was not built from the model, its external data and
  // the build settings as they are now. report() warns of it; what is signed must not have it.
  const std::optional<Error>& stale();

 private:
  enum class Accepts { model, artifact, any };
  ProjectMerge(Project project, std::optional<Error> unreadable, std::filesystem::path argument, Accepts accepts);
  static Result<ProjectMerge> read(std::string_view command, const std::filesystem::path& argument, Accepts accepts);

  const std::filesystem::path& named() const { return project_.*named_; }
  // Whether the file describes the model of the argument.
  bool describes_subject() const;
  bool applies(std::string_view key);

  Project project_;                  // empty if there is no file, or if it cannot be read
  std::optional<Error> unreadable_;  // why it cannot be read
  std::filesystem::path argument_;
  Accepts accepts_;
  std::filesystem::path Project::*named_;      // the key that the argument takes the place of
  std::optional<std::optional<Error>> stale_;  // determined when it is needed, as describes_
  std::optional<bool> describes_;              // determined when it is needed: it may read the artifact and the model
  std::vector<std::string_view> left_out_;
};

}  // namespace modelctl::actions
