// The examples and the templates of a model's project are embedded in the binary.
#include "actions/init.hpp"

#include "actions/ci_project.hpp"
#include "actions/model_project.hpp"
#include "base/embedded.hpp"
#include "base/shell.hpp"
#include "base/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl {
std::span<const EmbeddedFile> project_files();
}

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

// "digits/samples/one.npy" -> "digits".
std::string_view example_of(std::string_view path) { return path.substr(0, path.find('/')); }

// The README opens with "# digits: reads a handwritten digit".
std::string description_of(std::string_view readme) {
  std::string_view title = readme.substr(0, readme.find('\n'));
  std::size_t colon = title.find(": ");
  return std::string(colon == std::string_view::npos ? title : title.substr(colon + 2));
}

Error unknown_example(const std::string& name) {
  std::vector<std::string> names;
  for (const Example& example : examples()) names.push_back(example.name);
  std::string meant = nearest(name, names);
  if (!meant.empty()) meant = fmt::format("did you mean '{}'? ", meant);
  return Error(Kind::not_found, "no-such-example", fmt::format("cannot find the example '{}'", name))
      .help(fmt::format("{}choose one of: {}", meant, fmt::join(names, ", ")));
}

Result<void> check(const InitRequest& request) {
  if (request.model.empty() && request.example.empty() && request.ci.empty()) {
    return Error(Kind::usage, "no-model", "cannot start a project: neither a model nor an example was named")
        .help("name an ONNX model; 'modelctl init --list' shows the examples");
  }
  if (!request.model.empty() && !request.example.empty()) {
    return Error(Kind::usage, "bad-option",
                 fmt::format("cannot start a project from the example '{}' and the model '{}'", request.example,
                             request.model.string()))
        .help("leave out one of them");
  }
  if (request.link && request.model.empty())
    return Error(Kind::usage, "bad-option", "cannot link a model: none was named").help("leave out --link");
  return {};
}

// Where to write, as the user would call it.
fs::path folder_of(const InitRequest& request) {
  if (!request.folder.empty()) return request.folder;
  if (!request.model.empty()) {
    // A folder of the name of the project file would make one of the folder around it.
    fs::path stem = request.model.stem();
    return stem == "modelctl.yaml" || stem == "modelctl.yml" ? stem.stem() : stem;
  }
  return request.example.empty() ? fs::path(".") : fs::path(request.example);
}

std::string service_of(const InitRequest& request) {
  return request.ci.empty() && !request.model.empty() ? "github" : request.ci;
}

Result<ModelProject> example_project(const std::string& name) {
  ModelProject project;
  for (const EmbeddedFile& file : project_files()) {
    if (example_of(file.path) != name) continue;
    project.files.push_back({std::string(file.path.substr(name.size() + 1)), std::string(file.text())});
  }
  if (project.files.empty()) return unknown_example(name);
  project.commands = commands_of(name);
  return project;
}

}  // namespace

std::vector<Example> examples() {
  std::vector<Example> found;
  for (const EmbeddedFile& file : project_files()) {
    std::string name(example_of(file.path));
    if (file.path == name + "/README.md") found.push_back({name, description_of(file.text())});
  }
  return found;
}

Result<InitReport> init(const InitRequest& request, Host& host) {
  TRY(check(request));
  InitReport report{.folder = folder_of(request)};
  ModelProject project;
  // Unknown names are found before the folder is looked at, and before a large model is read.
  std::vector<NewFile> pipeline;
  if (std::string service = service_of(request); !service.empty()) pipeline = TRY(ci_files(service));
  if (!request.example.empty()) project = TRY(example_project(request.example));
  fs::path place = TRY(project_place(report.folder));
  if (!request.model.empty()) project = TRY(model_project(request.model, place, request.link, host));
  std::ranges::move(pipeline, std::back_inserter(project.files));
  report.files = TRY(write_project(place, project.files, host));
  std::error_code code;
  if (!project.commands.empty() && !fs::equivalent(place, ".", code))
    report.next.push_back("cd " + shell_word(report.folder.string()));
  for (std::string& command : project.commands) report.next.push_back(std::move(command));
  return report;
}

}  // namespace modelctl::actions
