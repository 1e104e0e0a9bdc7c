// Opens external data. The check is made on the canonical path, after every symbolic link is resolved, because a
// relative location without ".." can still leave the folder through a link.
#include "onnx/external.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::onnx {
namespace fs = std::filesystem;
namespace {

Error outside(const std::string& location) {
  return Error(Kind::bad_input, "external-data-outside",
               fmt::format("cannot use external data '{}': it is outside the model's folder", location));
}

}  // namespace

// Opens and maps a file. Nothing is read yet: pages are loaded when a tensor is used.
Result<std::shared_ptr<const MappedFile>> ExternalFiles::map(const std::string& location) const {
  fs::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos) {
    return Error(Kind::bad_input, "bad-external-data", "cannot use external data: its location is empty or malformed");
  }
  bool climbs = std::any_of(relative.begin(), relative.end(), [](const fs::path& part) { return part == ".."; });
  if (relative.is_absolute() || climbs) return outside(location);
  std::error_code failed;
  fs::path folder = fs::canonical(folder_.empty() ? fs::path(".") : folder_, failed);
  fs::path file = failed ? fs::path() : fs::canonical(folder / relative, failed);
  if (failed) {
    return Error(Kind::not_found, "no-such-external-data", fmt::format("cannot open external data '{}'", location))
        .because(failed.message())
        .help(fmt::format("put '{}' next to the model: it holds part of its weights", location));
  }
  // Component by component, so that "/models-private" is not taken to be inside "/models".
  auto [end, _] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  if (end != folder.end()) return outside(location);
  if (!fs::is_regular_file(file, failed)) {
    return Error(Kind::bad_input, "bad-external-data",
                 fmt::format("cannot use external data '{}': it is not a regular file", location));
  }
  return MappedFile::open(file);
}

std::shared_ptr<const MappedFile> ExternalFiles::open(const std::string& location, const std::string& tensor) {
  if (auto known = files_.find(location); known != files_.end()) return known->second;
  if (auto failed = failures_.find(location); failed != failures_.end()) {
    ++failed->second.tensors;
    return nullptr;
  }
  auto mapped = map(location);
  if (mapped) return files_.emplace(location, *mapped).first->second;
  failures_.emplace(location, Failure{std::move(mapped).error(), tensor});
  return nullptr;
}

// One error per file instead of one per tensor; the number shows how much of the model is missing.
void ExternalFiles::report(std::string_view model, Faults& faults) const {
  for (const auto& [location, failure] : failures_) {
    const std::size_t others = failure.tensors - 1;
    std::string stored = others == 0 ? fmt::format("tensor '{}' is stored there", failure.tensor)
                         : others == 1
                             ? fmt::format("tensor '{}' and one other are stored there", failure.tensor)
                             : fmt::format("tensor '{}' and {} others are stored there", failure.tensor, others);
    faults.add(Error(failure.error).at(std::string(model)).because(std::move(stored)));
  }
}

}  // namespace modelctl::onnx
