// A file that exists is recognized under every name, by device and inode; for others the paths are compared, with the
// links in them resolved.
#include "actions/output_names.hpp"

#include "actions/project.hpp"
#include "actions/wrong_file.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code code;
  fs::file_status status = fs::status(a, code);
  if (fs::exists(status)) return !fs::is_other(status) && !fs::is_character_file(status) && fs::equivalent(a, b, code);
  return fs::weakly_canonical(fs::absolute(a, code), code) == fs::weakly_canonical(fs::absolute(b, code), code);
}

// A report is known by a key that only such a report has.
bool is_report(const fs::path& file, const char* key) {
  auto text = read_text_file(file);
  if (!text) return false;
  auto report = parse_json(*text, file.string());
  return report && report->is_object() && report->contains(key);
}

// What the file is not: the kind, in words; empty if it is one.
std::string_view lacks(OutputKind kind, const fs::path& file) {
  switch (kind) {
    case OutputKind::artifact: return role_of(file) == kinds::Role::artifact ? "" : "an artifact of modelctl";
    case OutputKind::program: return role_of(file) == kinds::Role::program ? "" : "a program that modelctl linked";
    case OutputKind::package: return role_of(file) == kinds::Role::package ? "" : "a package of modelctl";
    case OutputKind::build_report: return is_report(file, "artifact_bytes") ? "" : "a report of modelctl build";
    case OutputKind::evaluate_report: return is_report(file, "good") ? "" : "a report of modelctl evaluate";
    case OutputKind::tensors:
    case OutputKind::folder: break;
  }
  return "";
}

// The modelctl.yaml of the current folder, and the files that it names.
std::vector<fs::path> files_of_project() {
  std::error_code code;
  if (!fs::exists(project_file, code)) return {};
  auto project = read_project(project_file);
  std::vector<fs::path> files;
  if (project) files = std::move(project->files);
  files.emplace_back(project_file);
  return files;
}

Result<void> check_replaced(std::string_view command, const Output& output, const std::vector<fs::path>& of_project) {
  std::error_code code;
  if (!fs::is_regular_file(output.file, code) || fs::file_size(output.file, code) == 0) return {};
  Error error(Kind::usage, "not-replaced",
              fmt::format("cannot {}: {} would replace '{}'", command, output.role, output.file.string()));
  error.hint = "give it a name of its own, or remove that file first";
  bool named = std::ranges::any_of(of_project, [&](const fs::path& file) { return same_file(output.file, file); });
  if (named) return std::move(error).because(fmt::format("it is a file of the project in '{}'", project_file));
  std::string_view expected = lacks(output.kind, output.file);
  if (expected.empty()) return {};
  const kinds::FileKind* kind = kind_of(output.file);
  if (kind != nullptr) return std::move(error).because(fmt::format("it is {}, not {}", kind->name, expected));
  return std::move(error).because(fmt::format("it is not {}", expected));
}

}  // namespace

void add_tensor_files(std::string_view role, const std::vector<std::string>& arguments, std::vector<NamedFile>& files) {
  for (const std::string& argument : arguments) {
    for (std::string file : {argument, argument.substr(argument.find('=') + 1)}) {
      if (file != "-") files.push_back({role, file});
    }
  }
}

Result<void> check_outputs(std::string_view command, const std::vector<Output>& outputs,
                           const std::vector<NamedFile>& inputs) {
  std::vector<NamedFile> taken = inputs;
  const std::vector<fs::path> of_project = files_of_project();
  for (const Output& output : outputs) {
    if (output.file.empty()) continue;
    for (const NamedFile& other : taken) {
      if (other.file.empty() || !same_file(output.file, other.file)) continue;
      return Error(Kind::usage, "same-file",
                   fmt::format("cannot {}: {} and {} are the same file '{}'", command, other.role, output.role,
                               output.file.string()))
          .help("give each file a name of its own");
    }
    TRY(check_replaced(command, output, of_project));
    taken.push_back({output.role, output.file});
  }
  return {};
}

}  // namespace modelctl::actions
