// Writing: AtomicFile and TemporaryFolder. What is already at the target decides how it is written: a regular file is
// replaced, a link is followed, everything else is written into.
#include "base/files.hpp"

#include "base/links.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t piece_size = 1 << 20;

Error cannot_write(const fs::path& path) {
  int error = errno;
  return system_error(error, fmt::format("cannot write '{}'", path.string()), path);
}

// The mode of a file that replaces one with the mode `existing`.
unsigned replaced_mode(unsigned existing, unsigned mode) {
  unsigned kept = existing & 0777;
  bool is_private = (mode & 077) == 0;
  if (is_private) return kept & mode;
  return kept | (mode & 0111 & (kept >> 2));  // who may read a program may execute it
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const fs::path& path, unsigned mode) {
  AtomicFile file(path);
  fs::path target = TRY(follow_links(path));
  struct stat status {};
  bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    return Error(Kind::conflict, "is-a-folder", fmt::format("cannot write '{}': it is a folder", path.string()))
        .at(path.string());
  }
  if (is_stream(path)) {
    // An open descriptor is used as it is. Opened again by its path, it would have a position of its own: what it
    // refers to would be overwritten from its start, and not continued as `>>` and `{ …; } >` of a shell ask for.
    auto number = descriptor_of(path);
    // Not retried after a signal: a FIFO without a reader makes open() wait.
    file.device_ = Descriptor(number ? ::fcntl(*number, F_DUPFD_CLOEXEC, 0)
                                     : ::open(target.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!file.device_.is_open()) return cannot_write(path);
    std::error_code code;
    fs::path folder = fs::temp_directory_path(code);
    file.content_ = TRY(unnamed_file(code ? "/tmp" : folder));
    return file;
  }
  file.name_ = target.filename().string();
  auto temporary = Temporary::file(target.parent_path(), mode);
  if (!temporary) {
    Error error = std::move(temporary).error();
    error.what = fmt::format("cannot write '{}'", path.string());
    error.where = path.string();
    return error;
  }
  file.temporary_ = std::move(*temporary);
  if (exists && ::fchmod(file.descriptor(), replaced_mode(status.st_mode, mode)) != 0) return cannot_write(path);
  return file;
}

Result<void> AtomicFile::write(ByteSpan bytes) {
  if (write_all(descriptor(), bytes)) return {};
  return cannot_write(path_);
}

Result<void> AtomicFile::commit() {
  if (device_.is_open()) return copy_to_device();
  if (::fsync(descriptor()) != 0 || !temporary_.rename_to(name_)) return cannot_write(path_);
  return {};
}

// A signal ends the copy: whoever reads a FIFO may never read on.
Result<void> AtomicFile::copy_to_device() {
  std::vector<std::byte> piece(piece_size);
  for (std::uint64_t at = 0;;) {
    ssize_t n = read_some_at(descriptor(), piece, at);
    if (n < 0) return cannot_write(path_);
    if (n == 0) return {};
    at += static_cast<std::uint64_t>(n);
    for (ByteSpan rest = ByteSpan(piece).first(static_cast<std::size_t>(n)); !rest.empty();) {
      ssize_t written = ::write(device_.number(), rest.data(), rest.size());
      if (written < 0 && errno == EAGAIN) {  // whoever shares the open descriptor has made it non-blocking
        pollfd writable{device_.number(), POLLOUT, 0};
        if (::poll(&writable, 1, -1) < 0) return cannot_write(path_);
        continue;
      }
      if (written < 0) return cannot_write(path_);
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
  }
}

Result<void> write_file(const fs::path& path, ByteSpan bytes, unsigned mode) {
  auto file = TRY(AtomicFile::create(path, mode));
  TRY(file.write(bytes));
  return file.commit();
}

Result<TemporaryFolder> TemporaryFolder::create(const fs::path& parent) {
  TRY(make_folder(parent.empty() ? fs::path(".") : parent));
  return TemporaryFolder(TRY(Temporary::folder(parent)));
}

Result<void> TemporaryFolder::keep_as(const fs::path& path) {
  std::error_code code;
  if (temporary_.rename_to(fs::absolute(path, code))) return {};
  return system_error(errno, fmt::format("cannot put '{}' in place", path.string()), path);
}

}  // namespace modelctl
