// Reading files, and the errors of system calls.
#include "base/files.hpp"

#include "base/descriptor.hpp"
#include "base/pages.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

// Opens a file, or anything that can be read like one, and returns its size: 0 for what has none.
Result<std::uint64_t> open_file(const fs::path& path, Descriptor& file) {
  file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return system_error(errno, fmt::format("cannot open '{}'", path.string()), path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0)
    return system_error(errno, fmt::format("cannot read '{}'", path.string()), path);
  if (S_ISDIR(status.st_mode)) {
    return Error(Kind::bad_input, "is-a-folder", fmt::format("cannot read '{}': it is a folder", path.string()))
        .at(path.string());
  }
  return static_cast<std::uint64_t>(status.st_size);
}

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
    case EINTR:
      kind = Kind::interrupted;
      name = "interrupted";
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
  Descriptor file;
  std::uint64_t size = TRY(open_file(path, file));
  auto too_large = [&] {
    return Error(Kind::bad_input, "file-too-large",
                 fmt::format("cannot read '{}': it is larger than the {} bytes that are allowed here", path.string(),
                             limit))
        .at(path.string());
  };
  if (size > limit) return too_large();
  std::vector<std::byte> bytes;
  // A pipe or /proc file states no size: read until the end, growing as bytes arrive.
  std::size_t used = 0;
  bytes.resize(size + 1);
  while (true) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    ssize_t n = read_some(file.number(), std::span(bytes).subspan(used));
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
  Descriptor file;
  std::uint64_t size = TRY(open_file(path, file));
  ByteSpan bytes;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (address == MAP_FAILED) return system_error(errno, fmt::format("cannot map '{}'", path.string()), path);
    bytes = {static_cast<const std::byte*>(address), size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes));
}

void MappedFile::forget() const { forget_pages(bytes_); }

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
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

}  // namespace modelctl
