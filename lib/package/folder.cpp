// Walks the folder of an unpacked package once. What is found is checked by fstat on the descriptor that is then
// mapped, not by name, and every open is O_NOFOLLOW | O_NONBLOCK: a FIFO would otherwise block until somebody writes to
// it.
#include "package/folder_internal.hpp"

#include <fmt/core.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <map>
#include <set>

namespace modelctl::package {
namespace fs = std::filesystem;
namespace {

using Mapping = std::shared_ptr<const MappedFile>;

Error not_allowed(const fs::path& shown, std::string_view path, std::string reason) {
  return Error(Kind::untrusted, "altered",
               fmt::format("cannot use the package: '{}' does not belong there", path.substr(0, 200)))
      .at(shown.string())
      .because(std::move(reason));
}

Error cannot_read(int error_number, const fs::path& shown) {
  return system_error(error_number, fmt::format("cannot read '{}'", shown.string()), shown);
}

std::string_view kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK: return "a symbolic link";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    case S_IFBLK:
    case S_IFCHR: return "a device";
    case S_IFDIR: return "a folder";
    default: return "not a regular file";
  }
}

// What is wrong with the mode; empty if nothing is. What everybody can write to proves nothing, since it can change
// between its check and its use; what is set-user-ID would be dangerous in a folder that root unpacked. A folder may be
// set-group-ID, which only makes new files inherit the group, and the group may write: volumes of container platforms
// are set up so.
std::string fault_of_mode(mode_t mode) {
  mode_t forbidden = S_ISUID | S_IWOTH | (S_ISDIR(mode) ? 0 : S_ISGID | S_ISVTX);
  if ((mode & forbidden) == 0) return {};
  if ((mode & S_IWOTH) != 0 && (mode & forbidden) == S_IWOTH) {
    return fmt::format("its mode is {:o}: everybody can write to it", mode & 07777);
  }
  return fmt::format("its mode is {:o}, and a package holds nothing that is set-user-ID, set-group-ID or sticky",
                     mode & 07777);
}

// Opens `name` in the folder `parent` and maps it; nothing if it is not there. The descriptor is closed again, except
// of a large file that is watched: a package may have more files than a process may have descriptors.
Result<Mapping> map_file(int parent, const std::string& name, std::string_view path, const fs::path& shown,
                         FolderReader::MapFile map) {
  Descriptor file(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  // open(2): ELOOP is a link that O_NOFOLLOW did not follow, ENXIO a socket, or a device without a driver.
  if (!file.is_open() && errno == ELOOP) return not_allowed(shown, path, "it is a symbolic link");
  if (!file.is_open() && errno == ENXIO) return not_allowed(shown, path, "it is a socket or a device");
  if (!file.is_open()) return cannot_read(errno, shown);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return cannot_read(errno, shown);
  if (!S_ISREG(status.st_mode)) { return not_allowed(shown, path, fmt::format("it is {}", kind_of(status.st_mode))); }
  if (std::string fault = fault_of_mode(status.st_mode); !fault.empty()) return not_allowed(shown, path, fault);
  return map(std::move(file), shown);
}

// The walk. Its depth and its number of steps are bounded by the manifest: it ends at the first name that is not in it.
class Walk {
 public:
  Walk(const fs::path& root, const Manifest& manifest, FolderReader::MapFile map) : root_(root), map_(map) {
    for (const Entry& entry : manifest.entries) {
      files_.emplace(entry.path);
      for (std::size_t at = entry.path.find('/'); at != std::string::npos; at = entry.path.find('/', at + 1)) {
        folders_.emplace(entry.path.substr(0, at));
      }
    }
  }

  // `prefix` is the folder's path in the package: empty, or ending in '/'. Takes ownership of the descriptor.
  Result<void> folder(int number, const std::string& prefix) {
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(number), &::closedir);
    if (listing == nullptr) {
      int error = errno;
      ::close(number);
      return cannot_read(error, root_ / prefix);
    }
    struct stat status {};
    if (::fstat(number, &status) != 0) return cannot_read(errno, root_ / prefix);
    if (std::string fault = fault_of_mode(status.st_mode); !fault.empty()) {
      return not_allowed(root_ / prefix, prefix.empty() ? "." : prefix, fault);
    }
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(listing.get());
      if (entry == nullptr && errno != 0) return cannot_read(errno, root_ / prefix);
      if (entry == nullptr) return {};
      std::string name = entry->d_name;
      if (name != "." && name != "..") TRY(one(number, name, prefix + name));
    }
  }

  Result<std::vector<Mapping>> in_order(const Manifest& manifest) {
    std::vector<Mapping> contents;
    for (const Entry& entry : manifest.entries) {
      auto found = mapped_.find(entry.path);
      if (found == mapped_.end()) {
        return Error(Kind::bad_input, "missing-entry",
                     fmt::format("cannot use the package: '{}' is missing", entry.path))
            .at((root_ / entry.path).string())
            .because("the manifest names it");
      }
      contents.push_back(std::move(found->second));
    }
    return contents;
  }

 private:
  // The kind is looked at before the file is opened, since opening a device can already act on it (a tape rewinds). By
  // the time of the open the name may mean something else: map_file() looks again, at the descriptor.
  Result<void> one(int parent, const std::string& name, const std::string& path) {
    fs::path shown = root_ / path;
    struct stat status {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return cannot_read(errno, shown);
    if (S_ISDIR(status.st_mode)) {
      if (!folders_.contains(path)) return not_allowed(shown, path, "the manifest names nothing in this folder");
      int number = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (number < 0) return cannot_read(errno, shown);
      return folder(number, path + "/");
    }
    if (!S_ISREG(status.st_mode)) return not_allowed(shown, path, fmt::format("it is {}", kind_of(status.st_mode)));
    bool document = path == manifest_path || path == bundle_path;  // mapped and checked before
    if (document) return {};
    if (!files_.contains(path)) return not_allowed(shown, path, "the manifest does not name it");
    mapped_.emplace(path, TRY(map_file(parent, name, path, shown, map_)));
    return {};
  }

  const fs::path& root_;
  FolderReader::MapFile map_;
  std::set<std::string, std::less<>> files_, folders_;
  std::map<std::string, Mapping, std::less<>> mapped_;
};

}  // namespace

// The path itself may lead through links: the user has named it. Below it nothing is resolved by path any more.
Result<FolderReader> FolderReader::open(const fs::path& path, MapFile map) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return cannot_read(errno, path);
  return FolderReader(std::move(folder), path, map);
}

Result<Mapping> FolderReader::document(std::string_view name) const {
  std::string file(name);
  auto mapped = map_file(folder_.number(), file, name, path_ / file, map_);
  if (mapped || mapped.error().kind != Kind::not_found) return mapped;
  return std::move(mapped).error().because(
      fmt::format("'{}' is a folder, but not an unpacked package", path_.string()));
}

Result<std::vector<Mapping>> FolderReader::contents(const Manifest& manifest) const {
  Walk walk(path_, manifest, map_);
  // A descriptor of its own: reading a folder moves the descriptor's position, which dup() would share.
  int root = ::openat(folder_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return cannot_read(errno, path_);
  TRY(walk.folder(root, ""));
  return walk.in_order(manifest);
}

}  // namespace modelctl::package
