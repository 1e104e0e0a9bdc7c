#include "base/files.hpp"

#include "base/pages.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

struct Descriptor {
  int number;
  explicit Descriptor(int number) : number(number) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

// Opens a regular file for reading and answers its size.
Result<std::uint64_t> open_regular(const fs::path& path, int& number) {
  number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) return system_error(errno, fmt::format("cannot open '{}'", path.string()), path);
  struct stat status {};
  if (::fstat(number, &status) != 0) return system_error(errno, fmt::format("cannot read '{}'", path.string()), path);
  if (S_ISDIR(status.st_mode)) {
    return Error(Kind::bad_input, "is-a-folder", fmt::format("cannot read '{}': it is a folder", path.string()))
        .at(path.string());
  }
  return static_cast<std::uint64_t>(status.st_size);
}

// Names the parent so that "a.txt" works: an empty path is no folder to the system.
fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

Error system_error(int error_number, std::string what, const fs::path& path) {
  std::error_code code(error_number, std::generic_category());
  Kind kind = Kind::io;
  std::string name = "io-error";
  std::string hint;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      kind = Kind::not_found;
      name = "no-such-file";
      hint = "check the path";
      break;
    case EACCES:
    case EPERM:
      kind = Kind::denied;
      name = "permission-denied";
      hint = "check the owner and mode of the file";
      break;
    case EEXIST:
    case ENOTEMPTY:
      kind = Kind::conflict;
      name = "already-exists";
      break;
    case ENOSPC:
    case EDQUOT:
      name = "disk-full";
      hint = "free some space and run the command again; nothing was changed";
      break;
    default: break;
  }
  Error error = Error(kind, std::move(name), std::move(what)).at(path.string()).because(code.message());
  error.hint = std::move(hint);
  return error;
}

Result<std::vector<std::byte>> read_file(const fs::path& path, std::uint64_t limit) {
  int number = -1;
  auto size = open_regular(path, number);
  Descriptor file(number);
  if (!size) return std::move(size).error();
  auto too_large = [&] {
    return Error(Kind::bad_input, "file-too-large",
                 fmt::format("cannot read '{}': it is larger than the {} bytes that are allowed here", path.string(),
                             limit))
        .at(path.string());
  };
  if (*size > limit) return too_large();
  std::vector<std::byte> bytes;
  // A pipe or /proc file states no size: read until the end, growing as bytes arrive.
  std::size_t used = 0;
  bytes.resize(*size + 1);
  while (true) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    ssize_t n = ::read(file.number, bytes.data() + used, bytes.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, fmt::format("cannot read '{}'", path.string()), path);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (used > limit) return too_large();
  }
  bytes.resize(used);
  return bytes;
}

Result<std::string> read_text_file(const fs::path& path, std::uint64_t limit) {
  auto bytes = TRY(read_file(path, limit));
  return std::string(as_text(bytes));
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const fs::path& path) {
  int number = -1;
  auto size = open_regular(path, number);
  Descriptor file(number);
  if (!size) return std::move(size).error();
  ByteSpan bytes;
  if (*size > 0) {
    void* address = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (address == MAP_FAILED) return system_error(errno, fmt::format("cannot map '{}'", path.string()), path);
    bytes = {static_cast<const std::byte*>(address), *size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes));
}

void MappedFile::forget() const { forget_pages(bytes_); }

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<AtomicFile> AtomicFile::create(const fs::path& path, unsigned mode) {
  std::string temporary = (parent_of(path) / fmt::format(".{}.XXXXXX", path.filename().string())).string();
  int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
  AtomicFile file(path, temporary, descriptor);
  if (::fchmod(descriptor, mode) != 0)
    return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, fmt::format("cannot write '{}'", path_.string()), path_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> AtomicFile::commit() {
  if (::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return system_error(errno, fmt::format("cannot write '{}'", path_.string()), path_);
  }
  ::close(std::exchange(descriptor_, -1));
  // The rename itself survives a crash only once the folder is synced; a file system that cannot is let off.
  Descriptor folder(::open(parent_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number >= 0) ::fsync(folder.number);
  return {};
}

Result<void> write_file(const fs::path& path, ByteSpan bytes, unsigned mode) {
  auto file = TRY(AtomicFile::create(path, mode));
  TRY(file.write(bytes));
  return file.commit();
}

Result<void> make_folder(const fs::path& path, unsigned mode) {
  std::error_code code;
  if (path.empty() || fs::is_directory(path, code)) return {};
  if (path.has_parent_path() && path.parent_path() != path) TRY(make_folder(path.parent_path(), mode));
  if (::mkdir(path.c_str(), mode) != 0 && !(errno == EEXIST && fs::is_directory(path, code))) {
    return system_error(errno, fmt::format("cannot make the folder '{}'", path.string()), path);
  }
  return {};
}

Result<TemporaryFolder> TemporaryFolder::create(const fs::path& parent) {
  TRY(make_folder(parent.empty() ? fs::path(".") : parent));
  std::string name = ((parent.empty() ? fs::path(".") : parent) / ".modelctl.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return system_error(errno, fmt::format("cannot make a folder in '{}'", parent.string()), parent);
  }
  return TemporaryFolder(name);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, fs::path())) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code code;
  if (!path_.empty()) fs::remove_all(path_, code);
}

Result<void> TemporaryFolder::keep_as(const fs::path& path) {
  ::chmod(path_.c_str(), 0755);  // mkdtemp made it private while it was half written
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return system_error(errno, fmt::format("cannot put '{}' in place", path.string()), path);
  }
  path_.clear();
  return {};
}

}  // namespace modelctl
