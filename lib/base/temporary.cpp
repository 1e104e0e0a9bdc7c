// The race that matters here: a collector may see a temporary between its creation and its owner's flock. It then holds
// the lock for as long as it takes to remove the name, so an owner that has got the lock looks whether the name still
// exists, and takes a new one if not.
#include "base/temporary.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <memory>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view prefix = ".modelctl-", suffix = ".tmp";
constexpr std::size_t digits = 16;
constexpr int attempts = 100;
// A folder of more entries is not searched to its end: creating a file must not take the time to list a huge folder.
constexpr int entries_searched = 1 << 16;

std::string new_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(::getpid());
  return fmt::format("{}{:016x}{}", prefix, number, suffix);
}

Descriptor open_folder(const fs::path& path) {
  const char* name = path.empty() ? "." : path.c_str();
  int folder = ::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A folder that may be written but not listed is good enough, except for collecting.
  if (folder < 0 && errno == EACCES) folder = ::open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return Descriptor(folder);
}

// Whether the name still refers to what is open.
bool is_same(int folder, const std::string& name, int content) {
  struct stat named {
  }, opened{};
  return ::fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(content, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// True if the file system has no locks as well: nothing is collected there.
bool lock(int content) {
  return retry_interrupted([&] { return ::flock(content, LOCK_EX); }) == 0 || errno != EBADF;
}

void collect(int folder, const fs::path& path, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_uid != ::geteuid()) return;
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return;
  int access = S_ISDIR(status.st_mode) ? O_RDONLY | O_DIRECTORY : O_RDWR;  // NFS locks only what is open for writing
  Descriptor content(::openat(folder, name.c_str(), access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!content.is_open() || ::flock(content.number(), LOCK_EX | LOCK_NB) != 0) return;  // its owner is alive
  if (!is_same(folder, name, content.number())) return;
  std::error_code code;
  if (S_ISDIR(status.st_mode)) fs::remove_all(path / name, code);
  else ::unlinkat(folder, name.c_str(), 0);
}

void collect_all(const Descriptor& folder, const fs::path& path) {
  // fdopendir() takes the descriptor over, and a duplicate would share its position.
  int listed = ::openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listed < 0) return;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(listed), ::closedir);
  if (entries == nullptr) {
    ::close(listed);
    return;
  }
  for (int seen = 0; seen < entries_searched; ++seen) {
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) return;
    if (is_temporary(entry->d_name)) collect(folder.number(), path, entry->d_name);
  }
}

Error cannot_create(const fs::path& folder) {
  int error = errno;
  return system_error(error, fmt::format("cannot create a file in '{}'", folder.empty() ? "." : folder.string()),
                      folder);
}

}  // namespace

bool is_temporary(std::string_view name) {
  if (name.size() != prefix.size() + digits + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) {
    return false;
  }
  name = name.substr(prefix.size(), digits);
  return name.find_first_not_of("0123456789abcdef") == name.npos;
}

void collect_temporaries(const fs::path& folder) {
  if (Descriptor opened = open_folder(folder); opened.is_open()) collect_all(opened, folder);
}

Result<Temporary> Temporary::file(const fs::path& folder, unsigned mode) {
  Temporary made;
  made.parent_ = open_folder(folder);
  if (!made.parent_.is_open()) return cannot_create(folder);
  collect_all(made.parent_, folder);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string name = new_name();
    Descriptor content(
        ::openat(made.parent_.number(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!content.is_open() && errno == EEXIST) continue;
    if (!content.is_open()) return cannot_create(folder);
    if (!lock(content.number()) || !is_same(made.parent_.number(), name, content.number())) continue;
    made.content_ = std::move(content);
    made.path_ = folder / name;
    made.name_ = std::move(name);
    return made;
  }
  errno = EEXIST;
  return cannot_create(folder);
}

Result<Temporary> Temporary::folder(const fs::path& parent) {
  Temporary made;
  made.parent_ = open_folder(parent);
  if (!made.parent_.is_open()) return cannot_create(parent);
  collect_all(made.parent_, parent);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string name = new_name();
    if (::mkdirat(made.parent_.number(), name.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return cannot_create(parent);
    }
    Descriptor content(::openat(made.parent_.number(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!content.is_open() || !lock(content.number())) continue;
    if (!is_same(made.parent_.number(), name, content.number()) || ::fstat(content.number(), &status) != 0) continue;
    made.folder_mode_ = status.st_mode & 07777;  // as the umask and the parent left it
    ::fchmod(content.number(), 0700);
    made.content_ = std::move(content);
    made.path_ = (parent.empty() ? fs::path(".") : parent) / name;
    made.name_ = std::move(name);
    return made;
  }
  errno = EEXIST;
  return cannot_create(parent);
}

Temporary& Temporary::operator=(Temporary&& other) noexcept {
  if (this == &other) return *this;
  remove();
  parent_ = std::move(other.parent_);
  content_ = std::move(other.content_);
  name_ = std::exchange(other.name_, {});
  path_ = std::exchange(other.path_, {});
  folder_mode_ = other.folder_mode_;
  return *this;
}

bool Temporary::rename_to(const fs::path& path) {
  if (folder_mode_ != 0) ::fchmod(content_.number(), folder_mode_);
  if (::renameat(parent_.number(), name_.c_str(), parent_.number(), path.c_str()) != 0) return false;
  name_.clear();
  ::fsync(parent_.number());
  return true;
}

Descriptor Temporary::unlink() {
  if (!name_.empty()) ::unlinkat(parent_.number(), name_.c_str(), 0);
  name_.clear();
  return std::move(content_);
}

void Temporary::remove() {
  if (name_.empty()) return;
  std::error_code code;
  if (folder_mode_ != 0) fs::remove_all(path_, code);
  else ::unlinkat(parent_.number(), name_.c_str(), 0);
  name_.clear();
}

Result<Descriptor> unnamed_file(const fs::path& folder) {
  Descriptor file(::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  return TRY(Temporary::file(folder, 0600)).unlink();  // not every file system has files that never had a name
}

}  // namespace modelctl
