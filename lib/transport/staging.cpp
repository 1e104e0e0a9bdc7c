#include "transport/staging.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

fs::path full_path(const fs::path& path) {
  fs::path full = fs::absolute(path).lexically_normal();
  return full.has_filename() ? full : full.parent_path();
}

fs::path waiting_place(const fs::path& target, const Digest& digest) {
  return target.parent_path() / fmt::format(".{}.{}.partial", target.filename().string(), digest.hex().substr(0, 16));
}

Error cannot_write(const fs::path& path) {
  return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
}

// Keeps other pulls out for as long as the descriptor is open.
Result<void> lock(const Descriptor& file, const fs::path& path, const fs::path& target) {
  if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return cannot_write(path);
  return Error(Kind::conflict, "pull-running", fmt::format("another pull into '{}' is running", target.string()))
      .at(path.string());
}

Result<void> write_all(int descriptor, ByteSpan bytes, std::uint64_t offset, const fs::path& path) {
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot_write(path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::uint64_t> size_of(const Descriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return cannot_write(path);
  return static_cast<std::uint64_t>(status.st_size);
}

void sync_folder(const fs::path& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() >= 0) ::fsync(folder.number());
}

class FolderStaging : public Staging {
 public:
  FolderStaging(const package::SignedManifest& manifest, fs::path target)
      : manifest_(manifest), target_(std::move(target)), path_(waiting_place(target_, manifest.digest)) {}

  Result<void> open() {
    std::error_code code;
    if (fs::exists(target_, code) && !fs::is_empty(target_, code)) {
      return Error(Kind::conflict, "already-exists",
                   fmt::format("cannot pull into '{}': it is not empty", target_.string()))
          .at(target_.string())
          .help("name another folder, or remove this one first");
    }
    TRY(make_folder(path_, 0700));
    lock_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (lock_.number() < 0) return cannot_write(path_);
    return lock(lock_, path_, target_);
  }

  Result<Place> place(std::size_t i) override {
    const package::Entry& entry = manifest_.manifest.entries[i];
    fs::path path = path_ / entry.path;
    TRY(make_folder(path.parent_path()));
    file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file_.number() < 0) return cannot_write(path);
    return Place{file_.number(), 0, TRY(size_of(file_, path))};
  }

  Result<void> finish(std::size_t i) override {
    const package::Entry& entry = manifest_.manifest.entries[i];
    auto seconds = static_cast<std::time_t>(manifest_.manifest.timestamp);
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    if (::fchmod(file_.number(), entry.mode()) != 0 || ::futimens(file_.number(), times) != 0 ||
        ::fsync(file_.number()) != 0) {
      return cannot_write(path_ / entry.path);
    }
    file_.close();
    return {};
  }

  Result<void> commit() override {
    TRY(write_file(path_ / package::manifest_path, as_bytes(manifest_.text)));
    TRY(write_file(path_ / package::bundle_path, as_bytes(manifest_.bundle)));
    ::chmod(path_.c_str(), 0755);  // it was private while it was half there
    sync_folder(path_);
    if (::rename(path_.c_str(), target_.c_str()) != 0) {
      return system_error(errno, fmt::format("cannot put '{}' in place", target_.string()), target_);
    }
    sync_folder(target_.parent_path());
    return {};
  }

  void discard() override {
    std::error_code code;
    file_.close();
    fs::remove_all(path_, code);
  }
  const fs::path& path() const override { return path_; }

 private:
  const package::SignedManifest& manifest_;
  fs::path target_, path_;
  Descriptor lock_, file_;
};

// The archive grows in its own order, so its size says how far it came.
class ArchiveStaging : public Staging {
 public:
  ArchiveStaging(const package::SignedManifest& manifest, fs::path target)
      : manifest_(manifest),
        layout_(manifest.manifest, manifest.text.size(), manifest.bundle.size()),
        target_(std::move(target)),
        path_(waiting_place(target_, manifest.digest)) {}

  Result<void> open() {
    if (std::error_code code; fs::is_directory(target_, code)) {
      return Error(Kind::conflict, "is-a-folder",
                   fmt::format("cannot write the archive '{}': it is a folder", target_.string()))
          .at(target_.string());
    }
    TRY(make_folder(target_.parent_path()));
    file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file_.number() < 0) return cannot_write(path_);
    TRY(lock(file_, path_, target_));
    std::string head = layout_.head(manifest_.text, manifest_.bundle);
    return write_all(file_.number(), as_bytes(head), 0, path_);
  }

  Result<Place> place(std::size_t i) override {
    const package::Slot& slot = layout_.slots()[i + 2];
    std::uint64_t size = TRY(size_of(file_, path_));
    TRY(write_all(file_.number(), as_bytes(layout_.header(slot)), slot.header_at, path_));
    std::uint64_t present = size <= slot.at ? 0 : std::min(size - slot.at, slot.size);
    return Place{file_.number(), slot.at, present};
  }

  Result<void> finish(std::size_t i) override {
    const package::Slot& slot = layout_.slots()[i + 2];
    return write_all(file_.number(), zeros(slot.end - slot.at - slot.size), slot.at + slot.size, path_);
  }

  Result<void> commit() override {
    std::uint64_t end = layout_.size() - 2 * package::tar_block;
    TRY(write_all(file_.number(), zeros(2 * package::tar_block), end, path_));
    bool good = ::ftruncate(file_.number(), static_cast<off_t>(layout_.size())) == 0 &&
                ::fchmod(file_.number(), 0644) == 0 && ::fsync(file_.number()) == 0;
    if (!good) return cannot_write(path_);
    if (::rename(path_.c_str(), target_.c_str()) != 0) {
      return system_error(errno, fmt::format("cannot put '{}' in place", target_.string()), target_);
    }
    sync_folder(target_.parent_path());
    return {};
  }

  void discard() override {
    file_.close();
    ::unlink(path_.c_str());
  }
  const fs::path& path() const override { return path_; }

 private:
  static ByteSpan zeros(std::uint64_t count) {
    static constexpr std::byte block[2 * package::tar_block] = {};
    return {block, count};
  }
  const package::SignedManifest& manifest_;
  package::Layout layout_;
  fs::path target_, path_;
  Descriptor file_;
};

template <class Kind>
Result<std::unique_ptr<Staging>> opened(const package::SignedManifest& manifest, const fs::path& target) {
  auto staging = std::make_unique<Kind>(manifest, full_path(target));
  TRY(staging->open());
  return std::unique_ptr<Staging>(std::move(staging));
}

}  // namespace

Result<std::unique_ptr<Staging>> stage_folder(const package::SignedManifest& manifest, fs::path folder) {
  return opened<FolderStaging>(manifest, folder);
}

Result<std::unique_ptr<Staging>> stage_archive(const package::SignedManifest& manifest, fs::path archive) {
  return opened<ArchiveStaging>(manifest, archive);
}

}  // namespace modelctl::transport
