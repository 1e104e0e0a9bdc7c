// The XDG base directory specification: a path that is not absolute is ignored.
#include "actions/cache_folder.hpp"

namespace modelctl::actions {
namespace fs = std::filesystem;

Result<fs::path> cache_folder(std::string_view name, const Environment& environment) {
  if (auto folder = environment.get("XDG_CACHE_HOME"); folder && folder->starts_with('/'))
    return fs::path(*folder) / "modelctl" / name;
  if (auto home = environment.get("HOME"); home && !home->empty()) return fs::path(*home) / ".cache/modelctl" / name;
  return Error(Kind::bad_config, "no-cache", "cannot determine where the cache is")
      .because("neither XDG_CACHE_HOME nor HOME is set")
      .help("set XDG_CACHE_HOME to a folder");
}

}  // namespace modelctl::actions
