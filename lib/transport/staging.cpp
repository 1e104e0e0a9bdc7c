// The names, the lock and the final rename of a staging place.
//
// The place is in the target's own folder, since a rename is atomic only within one file system. Its name contains the
// manifest's digest: a pull of another version does not continue this one's files. The lock (flock) ends with the
// process, so a killed pull leaves none.
#include "transport/staging.hpp"

#include <fmt/core.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

constexpr int claim_attempts = 16;
constexpr std::size_t digits = 16;  // of the manifest's digest, in the name
constexpr std::string_view ending = ".partial";

Error cannot_write(const fs::path& path) {
  return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
}

Error held(const fs::path& target, const fs::path& path) {
  return Error(Kind::conflict, "pull-running", fmt::format("another pull into '{}' is running", target.string()))
      .at(path.string());
}

}  // namespace

Result<StagingPlace> StagingPlace::in(fs::path target, const Digest& digest) {
  StagingPlace place;
  place.target_ = fs::absolute(target).lexically_normal();
  if (!place.target_.has_filename()) place.target_ = place.target_.parent_path();
  fs::path folder = place.target_.parent_path();
  place.path_ =
      folder / fmt::format(".{}.{}{}", place.target_.filename().string(), digest.hex().substr(0, digits), ending);
  TRY(make_folder(folder));
  place.parent_ = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (place.parent_.number() < 0) return cannot_write(folder);
  return place;
}

// A lock belongs to a file, not to its name. Between our open and our lock the pull that held it may have renamed it
// into its final place: writing on would alter a finished package. So the name is compared after the lock is ours.
Result<Descriptor> StagingPlace::claim(bool folder) const {
  std::string name = path_.filename().string();
  for (int attempt = 0; attempt < claim_attempts; ++attempt) {
    if (folder && ::mkdirat(parent(), name.c_str(), 0700) != 0 && errno != EEXIST) return cannot_write(path_);
    Descriptor claimed = TRY(open_checked(parent(), name, folder ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT, path_));
    if (::flock(claimed.number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return cannot_write(path_);
      return held(target_, path_);
    }
    if (names(claimed)) return claimed;
  }
  return held(target_, path_);
}

bool StagingPlace::names(const Descriptor& claimed) const {
  struct stat ours {
  }, named{};
  return ::fstat(claimed.number(), &ours) == 0 &&
         ::fstatat(parent(), path_.filename().c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

Result<void> StagingPlace::put_in_place(const Descriptor& claimed) const {
  std::string what = fmt::format("cannot put '{}' in place", target_.string());
  if (!names(claimed)) {
    return Error(Kind::conflict, "staging-replaced", std::move(what))
        .at(path_.string())
        .because("somebody replaced or removed it during the pull");
  }
  if (::renameat(parent(), path_.filename().c_str(), parent(), target_.filename().c_str()) != 0) {
    return system_error(errno, std::move(what), target_);
  }
  // The rename survives a crash only once the folder is synced. A file system that cannot sync folders is excused.
  static_cast<void>(::fsync(parent()));
  remove_others();
  return {};
}

// Best effort, and by the rules of claim(): what another pull has locked, or another user could have prepared, stays.
void StagingPlace::remove_others() const {
  std::string begin = fmt::format(".{}.", target_.filename().string());
  int listed = ::openat(parent(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(listed < 0 ? nullptr : ::fdopendir(listed), &::closedir);
  if (entries == nullptr) return;
  std::vector<std::string> others;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name.size() != begin.size() + digits + ending.size() || !name.starts_with(begin) || !name.ends_with(ending)) {
      continue;
    }
    if (name.substr(begin.size(), digits).find_first_not_of("0123456789abcdef") == name.npos) others.emplace_back(name);
  }
  for (const std::string& name : others) {
    struct stat status {};
    if (::fstatat(parent(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    int flags = S_ISDIR(status.st_mode) ? O_RDONLY | O_DIRECTORY : O_RDWR;
    auto opened = open_checked(parent(), name, flags, target_.parent_path() / name);
    if (!opened || ::flock(opened->number(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code code;
    fs::remove_all(target_.parent_path() / name, code);
  }
}

}  // namespace modelctl::transport
