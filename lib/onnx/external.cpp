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

Result<std::shared_ptr<const MappedFile>> ExternalFiles::open(const std::string& location) {
  if (auto known = files_.find(location); known != files_.end()) return known->second;
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
        .help(fmt::format("put '{}' beside the model: it holds part of its weights", location));
  }
  // What is left of the folder's path must be the beginning of the file's, with every link resolved.
  auto [end, _] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  if (end != folder.end()) return outside(location);
  if (!fs::is_regular_file(file, failed)) {
    return Error(Kind::bad_input, "bad-external-data",
                 fmt::format("cannot use external data '{}': it is no regular file", location));
  }
  auto mapped = TRY(MappedFile::open(file));
  files_.emplace(location, mapped);
  return mapped;
}

}  // namespace modelctl::onnx
