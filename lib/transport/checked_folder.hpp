// Folders and files of an interrupted pull, opened by descriptor and checked before they are used. A path is resolved
// again at each use: whoever can put a symbolic link, a hard link or a file of their own into the place where a pull
// waits could make it write elsewhere. Here every step is relative to a folder that was checked, follows no link, and
// what is found must belong to this user alone.
#pragma once

#include "base/descriptor.hpp"

#include <filesystem>
#include <set>
#include <string>

namespace modelctl::transport {

// Opens `name`, one path component, in the folder `parent`. Fails with `denied`, code unsafe-staging, if it is not of
// the kind that `flags` asks for (O_DIRECTORY, or else a regular file), is a link, has a second name, or if anybody
// else owns it or can write to it. `shown` is its path in messages.
Result<Descriptor> open_checked(int parent, const std::string& name, int flags, const std::filesystem::path& shown);

class CheckedFolder {
 public:
  CheckedFolder(Descriptor folder, std::filesystem::path shown)
      : folder_(std::move(folder)), shown_(std::move(shown)) {}

  // The file at a relative path below, opened for reading and writing. Creates it (mode 0600) and the folders on the
  // way.
  Result<Descriptor> file(const std::filesystem::path& relative) const;
  // Removes everything whose relative path is not in `files` or leads to one, gives the folders that stay mode 0755,
  // and syncs them: a folder's new entries survive a crash only once the folder is synced.
  Result<void> keep_only(const std::set<std::string>& files) const;

  const Descriptor& descriptor() const { return folder_; }
  const std::filesystem::path& shown() const { return shown_; }

 private:
  Result<CheckedFolder> subfolder(const std::string& name) const;
  Result<void> keep_below(const std::set<std::string>& files, const std::string& prefix) const;

  Descriptor folder_;
  std::filesystem::path shown_;
};

}  // namespace modelctl::transport
