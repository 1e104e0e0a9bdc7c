// Opening without following links, and the removal of what nobody signed.
#include "transport/checked_folder.hpp"

#include "base/file_mode.hpp"
#include "base/files.hpp"

#include <fmt/core.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <memory>
#include <vector>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

Error cannot_write(const fs::path& path) {
  return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
}

Error unsafe(const fs::path& shown, std::string reason) {
  return Error(Kind::denied, "unsafe-staging", fmt::format("cannot continue the pull in '{}'", shown.string()))
      .at(shown.string())
      .because(std::move(reason))
      .help("find out who made it, remove it, and run the command again");
}

// RESOLVE_NO_XDEV also refuses what is mounted there. Kernels before 5.6 lack openat2 (ENOSYS), and old container
// runtimes forbid it (EPERM). As `name` is one component, O_NOFOLLOW then gives the same, except for mounts.
int open_no_links(int parent, const std::string& name, int flags) {
  flags |= O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not block the open that precedes the check
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  long number = ::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how);
  if (number >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(number);
  return ::openat(parent, name.c_str(), flags, 0600);
}

// What makes the open file unfit to be written to; empty if nothing does. A second name (hard link) would let somebody
// read or alter the file under a path that nobody checks.
std::string fault_of(const struct stat& status, bool folder) {
  if (folder ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode)) {
    return folder ? "it is not a folder" : "it is not a regular file";
  }
  if (status.st_uid != ::geteuid()) return fmt::format("it belongs to another user ({})", status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "other users can write to it";
  if (!folder && status.st_nlink != 1) return "it has another name too (a hard link)";
  return {};
}

}  // namespace

Result<Descriptor> open_checked(int parent, const std::string& name, int flags, const fs::path& shown) {
  bool folder = (flags & O_DIRECTORY) != 0;
  Descriptor opened(open_no_links(parent, name, flags));
  if (opened.number() < 0) {
    if (errno == ELOOP || errno == EXDEV || (folder && errno == ENOTDIR)) {
      return unsafe(shown, folder ? "it is a link or not a folder" : "it is a link");
    }
    if (errno == EISDIR || errno == ENXIO) return unsafe(shown, "it is not a regular file");
    return cannot_write(shown);
  }
  struct stat status {};
  if (::fstat(opened.number(), &status) != 0) return cannot_write(shown);
  if (std::string fault = fault_of(status, folder); !fault.empty()) return unsafe(shown, std::move(fault));
  return opened;
}

Result<CheckedFolder> CheckedFolder::subfolder(const std::string& name) const {
  fs::path shown = shown_ / name;
  // 0700 whatever the umask: while it is filled, nobody else needs to read it.
  if (::mkdirat(folder_.number(), name.c_str(), 0700) != 0 && errno != EEXIST) return cannot_write(shown);
  Descriptor opened = TRY(open_checked(folder_.number(), name, O_RDONLY | O_DIRECTORY, shown));
  return CheckedFolder(std::move(opened), std::move(shown));
}

Result<Descriptor> CheckedFolder::file(const fs::path& relative) const {
  const CheckedFolder* folder = this;
  std::vector<std::unique_ptr<CheckedFolder>> opened;
  for (const fs::path& part : relative.parent_path()) {
    opened.push_back(std::make_unique<CheckedFolder>(TRY(folder->subfolder(part.string()))));
    folder = opened.back().get();
  }
  return open_checked(folder->folder_.number(), relative.filename().string(), O_RDWR | O_CREAT, shown_ / relative);
}

Result<void> CheckedFolder::keep_only(const std::set<std::string>& files) const { return keep_below(files, ""); }

Result<void> CheckedFolder::keep_below(const std::set<std::string>& files, const std::string& prefix) const {
  // A descriptor of its own: reading a folder moves the descriptor's position, which dup() would share.
  int copy = ::openat(folder_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy), &::closedir);
  if (entries == nullptr) return cannot_write(shown_);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries.get())) names.emplace_back(entry->d_name);
  for (const std::string& name : names) {
    if (name == "." || name == ".." || files.contains(prefix + name)) continue;
    std::string below = prefix + name + "/";
    auto first = files.lower_bound(below);
    if (first != files.end() && first->starts_with(below)) {
      TRY(TRY(subfolder(name)).keep_below(files, below));
      continue;
    }
    // remove_all descends by descriptor and follows no link.
    if (::unlinkat(folder_.number(), name.c_str(), 0) == 0) continue;
    std::error_code code;
    fs::remove_all(shown_ / name, code);
    if (code) return system_error(code.value(), fmt::format("cannot remove '{}'", (shown_ / name).string()), shown_);
  }
  if (::fchmod(folder_.number(), allowed_mode(0755)) != 0 || ::fsync(folder_.number()) != 0)
    return cannot_write(shown_);
  return {};
}

}  // namespace modelctl::transport
