// Archives read as a stream: verified, or verified and unpacked.
#include "package/package.hpp"

#include "base/descriptor.hpp"
#include "base/file_mode.hpp"
#include "package/archive_internal.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace modelctl::package {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t piece_size = 1u << 20;

class NoSink : public EntrySink {
 public:
  Result<void> begin(const Entry&) override { return {}; }
  Result<void> write(ByteSpan) override { return {}; }
  Result<void> end(const Entry&) override { return {}; }
};

// Feeds the whole file to the reader; what was signed.
Result<SignedManifest> read_archive(const fs::path& path, const Trust& trust, EntrySink& sink, std::string_view what,
                                    Reporter& reporter, const StopToken& stop) {
  // A pipe may be read, as in `verify <(curl ...)`, but a FIFO that nobody writes to must not block the open: it then
  // reads as empty. Reading itself waits for the writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0 || ::fcntl(file.number(), F_SETFL, O_RDONLY) != 0) {
    return system_error(errno, fmt::format("cannot open '{}'", path.string()), path);
  }
  StreamReader reader(trust, sink);
  std::vector<std::byte> piece(piece_size);
  std::uint64_t done = 0;
  while (true) {
    if (stop.stopped()) return Error(Kind::interrupted, "interrupted", fmt::format("stopped {}", what));
    ssize_t n = read_some(file.number(), piece);
    if (n < 0) return system_error(errno, fmt::format("cannot read '{}'", path.string()), path);
    if (n == 0) break;
    auto good = reader.feed(ByteSpan(piece).first(static_cast<std::size_t>(n)));
    if (!good) return in_file(path, std::move(good).error());
    reporter.progress(what, done += static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(status.st_size));
  }
  if (auto good = reader.finish(); !good) return in_file(path, std::move(good).error());
  return *reader.opened();
}

// Gives all files the package's time and not that of their unpacking, so that a package always gives equal folders.
Result<void> set_times(const fs::path& folder, const Manifest& manifest) {
  auto seconds = static_cast<std::time_t>(manifest.timestamp);
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  auto set = [&](std::string_view path) -> Result<void> {
    if (::utimensat(AT_FDCWD, (folder / path).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return system_error(errno, fmt::format("cannot write '{}'", path), folder / path);
  };
  TRY(set(manifest_path));
  TRY(set(bundle_path));
  for (const Entry& entry : manifest.entries) TRY(set(entry.path));
  return {};
}

}  // namespace

Result<SignedManifest> verify(const fs::path& path, const Trust& trust, Reporter& reporter, const StopToken& stop) {
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    NoSink sink;
    return read_archive(path, trust, sink, "verifying", reporter, stop);
  }
  auto untrusted = [](Error error) {
    if (error.kind == Kind::bad_input) error.kind = Kind::untrusted;
    return error;
  };
  auto package = Package::open(path);
  if (!package) return untrusted(std::move(package).error());
  return package->verify(trust, reporter, stop);
}

Result<SignedManifest> unpack(const fs::path& archive, const fs::path& folder, const Trust& trust, Reporter& reporter,
                              const StopToken& stop) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(folder, code)) && !(fs::is_directory(folder, code) && fs::is_empty(folder, code))) {
    return Error(Kind::conflict, "already-exists", fmt::format("cannot unpack into '{}'", folder.string()))
        .at(folder.string())
        .because("it is there already, and is not an empty folder");
  }
  auto staging = TRY(TemporaryFolder::create(folder.parent_path()));
  FolderSink sink(staging.path());
  SignedManifest opened = TRY(read_archive(archive, trust, sink, "unpacking", reporter, stop));
  TRY(set_times(staging.path(), opened.manifest));
  TRY(staging.keep_as(folder));
  return opened;
}

Result<void> FolderSink::opened(const SignedManifest& opened) {
  TRY(write_file(folder_ / manifest_path, as_bytes(opened.text)));
  return write_file(folder_ / bundle_path, as_bytes(opened.bundle));
}

Result<void> FolderSink::begin(const Entry& entry) {
  path_ = folder_ / entry.path;
  TRY(make_folder(path_.parent_path()));
  // The folder is new and ours, and the path was checked: nothing can be there, not even a link.
  file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_.is_open()) return system_error(errno, fmt::format("cannot write '{}'", entry.path), path_);
  return {};
}

Result<void> FolderSink::write(ByteSpan bytes) {
  if (write_all(file_.number(), bytes)) return {};
  return system_error(errno, fmt::format("cannot write '{}'", path_.filename().string()), path_);
}

Result<void> FolderSink::end(const Entry& entry) {
  bool good = ::fchmod(file_.number(), allowed_mode(entry.mode())) == 0 && ::fsync(file_.number()) == 0;
  int error = errno;
  file_.close();
  if (!good) return system_error(error, fmt::format("cannot write '{}'", entry.path), path_);
  return {};
}

}  // namespace modelctl::package
