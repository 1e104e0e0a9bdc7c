// The examples are embedded in the binary. A project is written to a temporary folder, which is then renamed.
#include "actions/init.hpp"

#include "base/embedded.hpp"
#include "base/files.hpp"
#include "base/suggest.hpp"

#include <fmt/core.h>

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
  auto error = name.empty()
                   ? Error(Kind::usage, "no-example", "cannot start a project: no example was named")
                   : Error(Kind::not_found, "no-such-example", fmt::format("cannot find the example '{}'", name));
  return std::move(error).help(meant.empty() ? "'modelctl init --list' shows the examples"
                                             : fmt::format("did you mean '{}'?", meant));
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
  std::vector<const EmbeddedFile*> files;
  for (const EmbeddedFile& file : project_files()) {
    if (example_of(file.path) == request.example) files.push_back(&file);
  }
  if (files.empty()) return unknown_example(request.example);

  InitReport report;
  report.folder = request.folder.empty() ? fs::path(request.example) : request.folder;
  std::error_code code;
  // For a good message before anything is written. What appears between here and the rename is refused by the rename,
  // except for an empty folder, of which nothing is lost.
  if (fs::exists(fs::symlink_status(report.folder, code))) {
    return Error(Kind::conflict, "already-exists",
                 fmt::format("cannot make the project '{}': there is something of that name", report.folder.string()))
        .at(report.folder.string())
        .help("name another folder");
  }
  // Not "a/..": the new folder is put in place by a rename, which needs its real name.
  fs::path place = fs::absolute(report.folder, code).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  auto folder = TRY(TemporaryFolder::create(place.parent_path()));
  for (const EmbeddedFile* file : files) {
    std::string path(file->path.substr(request.example.size() + 1));
    TRY(make_folder((folder.path() / path).parent_path()));
    TRY(write_file(folder.path() / path, file->span()));
    report.files.push_back({path, file->span().size()});
    // The temporary folder removes itself and the files that are in it by now.
    if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "cannot finish the project: interrupted");
  }
  TRY(folder.keep_as(place));
  return report;
}

}  // namespace modelctl::actions
