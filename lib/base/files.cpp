// Reading files, and the errors of system calls.
#include "base/files.hpp"

#include "base/descriptor.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace modelctl {
namespace fs = std::filesystem;
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
      kind = Kind::io;
      name = "disk-full";
      hint = "free some space and run the command again; nothing was changed";
      break;
    default: break;
  }
  Error error = Error(kind, std::move(name), std::move(what)).at(path.string()).because(code.message());
  error.hint = std::move(hint);
  return error;
}

Result<Descriptor> open_file(const fs::path& path, int flags) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (file.is_open()) return file;
  return system_error(errno, fmt::format("cannot open '{}'", path.string()), path);
}

Result<std::uint64_t> size_of(const Descriptor& file, const fs::path& path, bool must_be_regular) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0)
    return system_error(errno, fmt::format("cannot read '{}'", path.string()), path);
  if (S_ISDIR(status.st_mode)) {
    return Error(Kind::bad_input, "is-a-folder", fmt::format("cannot read '{}': it is a folder", path.string()))
        .at(path.string());
  }
  if (must_be_regular && !S_ISREG(status.st_mode)) {
    return Error(Kind::bad_input, "not-a-regular-file",
                 fmt::format("cannot read '{}': it is not a regular file", path.string()))
        .at(path.string());
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::vector<std::byte>> read_file(const fs::path& path, std::uint64_t limit) {
  Descriptor file = TRY(open_file(path));
  std::uint64_t size = TRY(size_of(file, path, false));
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

std::optional<Error> exposed_secret(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if ((status.st_mode & (S_IROTH | S_IWOTH)) == 0) return std::nullopt;
  return Error(Kind::denied, "exposed-key",
               fmt::format("every user of this machine can {} the private key '{}'",
                           (status.st_mode & S_IWOTH) != 0 ? "replace" : "read", path.string()))
      .at(path.string())
      .because(fmt::format("its mode is {:o}", status.st_mode & 07777))
      .help(fmt::format("chmod 600 {}", path.string()));
}

Result<std::string> read_text_file(const fs::path& path, std::uint64_t limit) {
  auto bytes = TRY(read_file(path, limit));
  return std::string(as_text(bytes));
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
