// A file is loaded when it has not changed between two looks: one that is being copied is not complete. An operation
// that finds the queue full is asked for again by the next look.
#include "serve/models/models_folder.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace modelctl::serve {
namespace {

constexpr std::size_t most_files = 1000;
constexpr std::array<std::string_view, 3> endings = {".tar", ".artifact", ".onnx"};

bool is_model(const std::string& name) {
  return !name.starts_with('.') &&
         std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

Result<ModelsFolder> ModelsFolder::open(const std::filesystem::path& folder, OpenFile open_file, Repository& repository,
                                        Operations& operations, Reporter& reporter) {
  std::error_code code;
  if (std::filesystem::is_directory(folder, code))
    return ModelsFolder(folder, std::move(open_file), repository, operations, reporter);
  return Error(Kind::not_found, "no-such-folder", fmt::format("cannot serve what is in '{}'", folder.string()))
      .at(folder.string())
      .because("it is not a folder")
      .help("give --models a folder of packages (.tar), artifacts (.artifact) or ONNX models (.onnx)");
}

// A folder that cannot be read, or is not there now, is taken for one that has not changed.
std::vector<std::string> ModelsFolder::names() {
  std::vector<std::string> names;
  std::size_t count = 0;
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder_, code), end; !code && at != end; at.increment(code)) {
    std::string name = at->path().filename().string();
    if (is_model(name) && ++count <= most_files) names.push_back(std::move(name));
  }
  warn_of(count);
  if (code) {
    names.clear();
    for (const auto& [name, file] : files_) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Once, until there are few enough again.
void ModelsFolder::warn_of(std::size_t files) {
  bool too_many = files > most_files;
  if (too_many && !warned_) {
    reporter_.warn(
        Error(Kind::bad_config, "too-many-models", fmt::format("cannot serve all models in '{}'", folder_.string()))
            .because(fmt::format("there are {} files, and {} are served at most", files, most_files))
            .help("divide them among several folders, each with a server of its own"));
  }
  warned_ = too_many;
}

void ModelsFolder::load_all() {
  for (const std::string& name : names()) {
    files_.try_emplace(name, std::vector{folder_ / name});
    repository_.put(name, open_file_(folder_ / name));
  }
}

void ModelsFolder::look() {
  auto now = names();
  std::erase_if(files_, [&](const auto& entry) {
    if (std::binary_search(now.begin(), now.end(), entry.first)) return false;
    return operations_.submit([this, name = entry.first] { repository_.remove(name); });
  });
  for (const std::string& name : now) {
    auto [file, added] = files_.try_emplace(name, WatchedFiles::unknown(folder_ / name));
    if (!file->second.changed()) continue;
    bool taken = operations_.submit([this, name] { repository_.put(name, open_file_(folder_ / name)); });
    if (!taken) file->second = WatchedFiles::unknown(folder_ / name);
  }
}

}  // namespace modelctl::serve
