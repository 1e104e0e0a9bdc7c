// Every step is relative to the open folder, which is synced after each rename: renames of different names may reach
// the disk in any order otherwise. A lock file keeps other commands out: one that found the files of a running command
// would take them for those of a killed one.
#include "package/key_pair.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace modelctl::package {
namespace fs = std::filesystem;
namespace {

// Names that nobody else gives to files: recover() removes what it finds under them.
constexpr const char* new_key_suffix = ".key.modelctl-new";
constexpr const char* new_pub_suffix = ".pub.modelctl-new";
constexpr const char* old_key_suffix = ".key.modelctl-old";
constexpr const char* lock_suffix = ".key.modelctl-lock";
constexpr int lock_attempts = 100;  // each fails only if another command has just finished

class KeyPairFiles {
 public:
  // Fails with conflict while another command writes the same pair. The folder stays open, so all files of the pair are
  // in one folder even if its path means another one by then.
  static Result<KeyPairFiles> lock(const fs::path& prefix) {
    fs::path folder = prefix.has_parent_path() ? prefix.parent_path() : fs::path(".");
    Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open()) return system_error(errno, fmt::format("cannot open '{}'", folder.string()), folder);
    KeyPairFiles files(std::move(opened), prefix);
    TRY(files.take_lock());
    return files;
  }
  // The name goes first, and the lock with the descriptor after it: whoever opens the name from now on makes a new
  // file, and whoever has opened the old one notices in take_lock().
  ~KeyPairFiles() {
    if (lock_.is_open()) ::unlinkat(folder_.number(), file(lock_suffix).c_str(), 0);
  }
  KeyPairFiles(KeyPairFiles&&) = default;
  KeyPairFiles& operator=(KeyPairFiles&&) = delete;

  // Brings the files into the state before or after a killed command.
  Result<void> recover() {
    bool key = exists(".key"), pub = exists(".pub"), new_key = exists(new_key_suffix), new_pub = exists(new_pub_suffix);
    bool old_key = exists(old_key_suffix);
    // See the table in the header: only step 3 removes PREFIX.pub.modelctl-new while PREFIX.key.modelctl-new exists.
    bool published = new_key && !new_pub && pub && (old_key || !key);
    if (published && old_key) {
      TRY(rename(new_key_suffix, ".key"));
      return remove(old_key_suffix);
    }
    // There was no private key before: without its own, the new public key is of no use to anybody.
    if (published) TRY(remove(".pub"));
    if (old_key && !key) TRY(rename(old_key_suffix, ".key"));
    else if (old_key) TRY(remove(old_key_suffix));
    if (new_key) TRY(remove(new_key_suffix));  // before the other: on its own it would mean that step 3 was done
    if (new_pub) TRY(remove(new_pub_suffix));
    return {};
  }

  Result<void> check_absent(bool replace) const {
    // A link counts as what is there: a rename would replace the link itself, not the file that it leads to.
    for (const char* suffix : {".key", ".pub"}) {
      struct stat status {};
      if (::fstatat(folder_.number(), file(suffix).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return failed(suffix);
      }
      bool replaceable = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
      if (replace && replaceable) continue;
      return Error(Kind::conflict, "already-exists",
                   fmt::format("cannot write '{}': it is there already", path(suffix).string()))
          .at(path(suffix).string())
          .because(replaceable ? "a key that is overwritten is lost for good" : "it is not a file")
          .help(replaceable ? "choose another name with -o, or pass --force" : "choose another name with -o");
    }
    return {};
  }

  Result<void> replace(std::string_view private_pem, std::string_view public_pem) {
    bool replaces = exists(".key");
    // Step 1, the public key first: PREFIX.key.modelctl-new alone would mean that step 3 was done. Contents and names
    // are on the disk before the old pair is touched.
    TRY(stage(new_pub_suffix, public_pem, 0644));
    TRY(stage(new_key_suffix, private_pem, 0600));
    TRY(sync());
    // Steps 2 to 4; each function syncs the folder, so that a power failure cannot reorder them.
    if (replaces) TRY(keep_old());
    TRY(rename(new_pub_suffix, ".pub"));
    TRY(rename(new_key_suffix, ".key"));
    return replaces ? remove(old_key_suffix) : Result<void>();
  }

 private:
  KeyPairFiles(Descriptor folder, const fs::path& prefix)
      : folder_(std::move(folder)), prefix_(prefix.string()), name_(prefix.filename().string()) {}

  std::string file(const char* suffix) const { return name_ + suffix; }
  fs::path path(const char* suffix) const { return prefix_ + suffix; }
  Error failed(const char* suffix) const {
    return system_error(errno, fmt::format("cannot write '{}'", path(suffix).string()), path(suffix));
  }

  // The holder removes the file before it releases the lock, so the file that was locked may have lost its name by
  // then. A killed command leaves the file, but no lock.
  Result<void> take_lock() {
    for (int attempt = 0; attempt < lock_attempts; ++attempt) {
      Descriptor opened(::openat(folder_.number(), file(lock_suffix).c_str(),
                                 O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
      if (!opened.is_open()) return failed(".key");
      if (::flock(opened.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) break;
        return failed(".key");
      }
      struct stat locked {
      }, named{};
      if (::fstat(opened.number(), &locked) == 0 &&
          ::fstatat(folder_.number(), file(lock_suffix).c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
          locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
        lock_ = std::move(opened);
        return {};
      }
    }
    return Error(Kind::conflict, "keys-being-written",
                 fmt::format("cannot write '{}': another command is writing it", path(".key").string()))
        .at(path(".key").string());
  }

  bool exists(const char* suffix) const {
    struct stat status {};
    return ::fstatat(folder_.number(), file(suffix).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  }

  // A file system that cannot sync a folder says EINVAL; there is nothing better to do on it.
  Result<void> sync() const {
    if (::fsync(folder_.number()) == 0 || errno == EINVAL) return {};
    return failed(".key");
  }

  Result<void> rename(const char* from, const char* to) const {
    if (::renameat(folder_.number(), file(from).c_str(), folder_.number(), file(to).c_str()) != 0) return failed(to);
    return sync();
  }

  Result<void> remove(const char* suffix) const {
    if (::unlinkat(folder_.number(), file(suffix).c_str(), 0) != 0 && errno != ENOENT) return failed(suffix);
    return sync();
  }

  // A second name for the old private key, so that PREFIX.key is never missing. File systems without hard links rename
  // it: PREFIX.key is missing for a moment, and recover() brings it back.
  Result<void> keep_old() const {
    if (::linkat(folder_.number(), file(".key").c_str(), folder_.number(), file(old_key_suffix).c_str(), 0) == 0)
      return sync();
    return rename(".key", old_key_suffix);
  }

  // O_EXCL and the mode of the open: the private key is readable by its owner alone from the first byte on, and is
  // never written into a file or through a link that somebody prepared. The umask can only take more away.
  Result<void> stage(const char* suffix, std::string_view text, mode_t mode) const {
    Descriptor staged(
        ::openat(folder_.number(), file(suffix).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    bool good = staged.is_open() && write_all(staged.number(), as_bytes(text)) && ::fsync(staged.number()) == 0;
    return good ? Result<void>() : failed(suffix);
  }

  Descriptor folder_, lock_;
  std::string prefix_, name_;
};

}  // namespace

Result<void> check_key_pair_absent(const fs::path& prefix, bool replace) {
  KeyPairFiles files = TRY(KeyPairFiles::lock(prefix));
  TRY(files.recover());
  return files.check_absent(replace);
}

Result<void> write_key_pair(const PrivateKey& key, const Secret& passphrase, const fs::path& prefix, bool replace) {
  // Encrypted before the lock is taken: scrypt takes its time on purpose.
  Secret private_pem = TRY(key.pem(passphrase));
  KeyPairFiles files = TRY(KeyPairFiles::lock(prefix));
  TRY(files.recover());
  TRY(files.check_absent(replace));
  auto written = files.replace(private_pem.reveal(), key.public_key().pem());
  // A full disk, too, must not leave a private key in a file that nobody knows of.
  if (!written) static_cast<void>(files.recover());
  return written;
}

}  // namespace modelctl::package
