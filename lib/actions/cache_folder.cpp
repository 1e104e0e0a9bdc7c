// The folders follow the XDG base directory specification: a path that is not absolute is ignored.
//
// The last use is the time of access that the system keeps by itself. Setting a time would be more exact, but a process
// that has mapped the file would take that for a change of its content.
#include "actions/cache_folder.hpp"

#include "base/digest.hpp"
#include "base/temporary.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <algorithm>
#include <ctime>
#include <vector>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr std::time_t abandoned = 86400;  // seconds after which nobody continues an interrupted pull

struct Entry {
  fs::path path;
  std::time_t used = 0;
  std::uint64_t bytes = 0;
  bool leftover = false;  // of a pull
};

// Where times of access are not kept, the entry that was made first is the one that was not used for the longest time.
std::time_t last_use(const struct stat& status) { return std::max(status.st_atime, status.st_mtime); }

// An interrupted pull continues later, under the lock of transport/staging.cpp.
bool is_held(const fs::path& folder) {
  Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  return !opened.is_open() || ::flock(opened.number(), LOCK_EX | LOCK_NB) != 0;
}

// An artifact is a file, and a package a folder, whose time is that of the file that was used last. Nothing else is
// ours.
std::optional<Entry> entry_at(const fs::path& path) {
  Entry entry{path};
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISREG(status.st_mode) && path.extension() == ".artifact") {
    entry.used = last_use(status);
    entry.bytes = static_cast<std::uint64_t>(status.st_size);
    return entry;
  }
  std::string name = path.filename().string();
  entry.leftover = name.starts_with('.') && name.ends_with(".partial");
  if (!S_ISDIR(status.st_mode) || (!entry.leftover && !Digest::parse("sha256:" + name))) return std::nullopt;
  entry.used = status.st_mtime;
  std::error_code code;
  for (fs::recursive_directory_iterator file(path, code), end; !code && file != end; file.increment(code)) {
    if (::lstat(file->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    entry.used = std::max(entry.used, last_use(status));
    entry.bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return entry;
}

// A package disappears at once, by a rename, so that nobody finds half of one.
bool remove(const Entry& entry) {
  std::error_code code;
  if (!fs::is_directory(fs::symlink_status(entry.path, code))) return fs::remove(entry.path, code);
  auto away = Temporary::folder(entry.path.parent_path());
  if (!away) return false;
  fs::rename(entry.path, away->path() / "removed", code);
  return !code;
}

}  // namespace

Result<fs::path> cache_folder(const Cache& cache, const Environment& environment) {
  if (auto folder = environment.get("XDG_CACHE_HOME"); folder && folder->starts_with('/'))
    return fs::path(*folder) / "modelctl" / cache.name;
  if (auto home = environment.get("HOME"); home && !home->empty())
    return fs::path(*home) / ".cache/modelctl" / cache.name;
  return Error(Kind::bad_config, "no-cache", "cannot determine where the cache is")
      .because("neither XDG_CACHE_HOME nor HOME is set")
      .help("set XDG_CACHE_HOME to a folder");
}

CacheUse limit_cache(const fs::path& folder, const fs::path& keep, std::uint64_t limit,
                     std::optional<std::chrono::system_clock::time_point> since) {
  std::vector<Entry> all;
  CacheUse use;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    if (auto entry = entry_at(at->path())) all.push_back(std::move(*entry));
  }
  std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : all) use.bytes += entry.bytes;
  use.entries = all.size();
  for (const Entry& entry : all) {
    bool old = since && entry.used <= std::chrono::system_clock::to_time_t(*since);
    bool unfinished = entry.leftover && (entry.used > std::time(nullptr) - abandoned || is_held(entry.path));
    bool unwanted = use.bytes > limit || old || entry.leftover;
    if (!unwanted || unfinished || entry.path == keep || !remove(entry)) continue;
    ++use.removed, --use.entries;
    use.freed += entry.bytes, use.bytes -= entry.bytes;
  }
  return use;
}

}  // namespace modelctl::actions
