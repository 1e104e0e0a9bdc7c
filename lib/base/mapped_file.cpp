// A copy is sealed, so that not even this process can alter it. It is a memory file and not plain memory because
// release_pages() may drop its pages at any time without losing content.
#include "base/mapped_file.hpp"

#include "base/files.hpp"
#include "base/pages.hpp"
#include "base/temporary.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <csignal>
#include <ctime>
#include <functional>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

std::uint64_t page_size() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// Times of files advance with the kernel's tick, 10 ms at most: a second change within one tick keeps the time.
constexpr long tick_nanoseconds = 20'000'000;

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// The file's status, at a moment from which on every change gives it another time.
bool settled_status(int file, struct stat& status) {
  timespec now{};
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::fstat(file, &status) != 0) return false;
    ::clock_gettime(CLOCK_REALTIME, &now);
    auto age = static_cast<double>(now.tv_sec - status.st_ctim.tv_sec) * 1e9 +
               static_cast<double>(now.tv_nsec - status.st_ctim.tv_nsec);
    if (age < 0 || age > static_cast<double>(tick_nanoseconds)) return true;
    timespec pause{0, tick_nanoseconds};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

// A copy in memory that can no longer be altered; nothing if the system has no such files or not enough memory.
Descriptor sealed_copy(int file, std::uint64_t offset, std::uint64_t size) {
  Descriptor copy(::memfd_create("modelctl", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.is_open()) return {};
  auto at = static_cast<off_t>(offset);
  for (std::uint64_t end = offset + size; static_cast<std::uint64_t>(at) < end;) {
    ssize_t n =
        retry_interrupted([&] { return ::sendfile(copy.number(), file, &at, end - static_cast<std::uint64_t>(at)); });
    if (n <= 0) return {};
  }
  if (::fcntl(copy.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return {};
  return copy;
}

// A file without a name that shares the blocks of this one until either is written to.
Descriptor private_clone(int file, const fs::path& path, std::uint64_t least) {
  auto clone = unnamed_file(path.parent_path());
  struct stat status {};
  if (!clone || ::ioctl(clone->number(), FICLONE, file) != 0 || ::fstat(clone->number(), &status) != 0) return {};
  if (static_cast<std::uint64_t>(status.st_size) < least) return {};
  return std::move(*clone);
}

Error cannot_map(const fs::path& path) {
  return system_error(errno, fmt::format("cannot map '{}'", path.string()), path);
}

extern "C" void on_bus_error(int) {
  static constexpr char message[] =
      "error[file-changed]: cannot read a mapped file: it became shorter, or its disk failed; stopped\n";
  if (::write(2, message, sizeof message - 1) < 0) ::_exit(info(Kind::io).exit_code);
  ::_exit(info(Kind::io).exit_code);
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const fs::path& path) {
  return map(TRY(open_file(path, O_NONBLOCK)), path);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open_stable(const fs::path& path, std::uint64_t copied) {
  return map_stable(TRY(open_file(path, O_NONBLOCK)), path, copied);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::map(Descriptor file, const fs::path& path) {
  std::uint64_t size = TRY(size_of(file, path, true));
  std::shared_ptr<MappedFile> mapped(new MappedFile(path));
  TRY(mapped->map_bytes(file, 0, size));
  return std::shared_ptr<const MappedFile>(std::move(mapped));
}

Result<std::shared_ptr<const MappedFile>> MappedFile::map_stable(Descriptor file, const fs::path& path,
                                                                 std::uint64_t copied) {
  std::uint64_t size = TRY(size_of(file, path, true));
  return map_stable_part(std::move(file), path, 0, size, copied);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::map_stable_part(Descriptor file, const fs::path& path,
                                                                      std::uint64_t offset, std::uint64_t size,
                                                                      std::uint64_t copied) {
  std::shared_ptr<MappedFile> mapped(new MappedFile(path));
  Descriptor copy = size <= copied ? sealed_copy(file.number(), offset, size) : Descriptor();
  Descriptor clone = size > copied ? private_clone(file.number(), path, offset + size) : Descriptor();
  if (copy.is_open()) {
    mapped->file_ = std::move(copy);
  } else {
    mapped->watched_ = !clone.is_open();
    mapped->file_ = std::move(mapped->watched_ ? file : clone);
    mapped->offset_ = offset;
  }
  if (mapped->watched_ && !settled_status(mapped->file_.number(), mapped->before_)) return cannot_map(path);
  TRY(mapped->map_bytes(mapped->file_, mapped->offset_, size));
  return std::shared_ptr<const MappedFile>(std::move(mapped));
}

Result<void> MappedFile::map_bytes(const Descriptor& file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return {};
  const std::uint64_t before = offset % page_size();  // mapped as well: pages of some kernels have 16 or 64 KiB
  void* address =
      ::mmap(nullptr, before + size, PROT_READ, MAP_PRIVATE, file.number(), static_cast<off_t>(offset - before));
  if (address == MAP_FAILED) return cannot_map(path_);
  bytes_ = {static_cast<const std::byte*>(address) + before, size};
  return {};
}

void MappedFile::release_pages() const { modelctl::release_pages(bytes_); }

// The time of the last status change is compared as well, because the time of the last write can be set back. What else
// alters that time shows in the status: removing or replacing the file in the number of links, chmod and chown.
Result<void> MappedFile::check_unchanged() const {
  if (!watched_) return {};
  struct stat now {};
  bool known = ::fstat(file_.number(), &now) == 0;
  bool explained = now.st_nlink != before_.st_nlink || now.st_mode != before_.st_mode || now.st_uid != before_.st_uid ||
                   now.st_gid != before_.st_gid;
  bool same = known && now.st_size == before_.st_size && same_time(now.st_mtim, before_.st_mtim) &&
              (same_time(now.st_ctim, before_.st_ctim) || explained);
  if (same) return {};
  return Error(Kind::untrusted, "file-changed", fmt::format("cannot use '{}' any longer", path_.string()))
      .at(path_.string())
      .because("somebody wrote to it after it was opened")
      .help("start again; replace files by renaming a new one over them, as modelctl does");
}

std::optional<MappedFile::Location> MappedFile::locate(ByteSpan part) const {
  const std::less_equal<const std::byte*> before;
  bool inside = before(bytes_.data(), part.data()) && before(part.data() + part.size(), bytes_.data() + bytes_.size());
  if (!file_.is_open() || !inside) return std::nullopt;
  return Location{file_.number(), offset_ + static_cast<std::uint64_t>(part.data() - bytes_.data())};
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  const std::uint64_t before = reinterpret_cast<std::uintptr_t>(bytes_.data()) % page_size();
  ::munmap(const_cast<std::byte*>(bytes_.data() - before), before + bytes_.size());
}

void report_bus_errors() { std::signal(SIGBUS, on_bus_error); }

}  // namespace modelctl
