// copy_file_range(2) comes first because it shares blocks. Not every pair of file systems supports it; sendfile(2)
// copies between any two files.
#include "base/copy_file.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

// Small enough to notice a stop soon, large enough that the calls cost nothing.
constexpr std::size_t piece = 16 << 20;

// Bytes copied at the positions of both files; 0 at the end, negative for a failure.
ssize_t copy_some(int from, int to) {
  ssize_t n = retry_interrupted([&] { return ::copy_file_range(from, nullptr, to, nullptr, piece, 0); });
  bool unsupported = n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP);
  if (!unsupported) return n;
  return retry_interrupted([&] { return ::sendfile(to, from, nullptr, piece); });
}

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

Result<std::uint64_t> copy_file(const fs::path& from, const fs::path& to, Reporter& reporter, const Interrupt& stop) {
  auto failed = [&] { return system_error(errno, fmt::format("cannot copy '{}'", from.string()), to); };
  Descriptor source = TRY(open_file(from));
  std::uint64_t size = TRY(size_of(source, from, true));
  struct stat before {
  }, after{};
  if (::fstat(source.number(), &before) != 0) return failed();
  Descriptor copy(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!copy.is_open()) return failed();
  std::uint64_t done = 0;
  while (done < size) {
    if (stop.requested()) {
      return Error(Kind::interrupted, "interrupted", fmt::format("cannot copy '{}': interrupted", from.string()));
    }
    ssize_t n = copy_some(source.number(), copy.number());
    if (n < 0) return failed();
    if (n == 0) break;
    done += static_cast<std::uint64_t>(n);
    reporter.progress(fmt::format("copying '{}'", from.filename().string()), done, size);
  }
  if (::fsync(copy.number()) != 0 || ::fstat(source.number(), &after) != 0) return failed();
  if (done != size || before.st_size != after.st_size || !same_time(before.st_mtim, after.st_mtim)) {
    return Error(Kind::io, "file-changed", fmt::format("cannot copy '{}'", from.string()))
        .at(from.string())
        .because("it changed while it was copied")
        .help("run the command again once the file is complete");
  }
  return done;
}

}  // namespace modelctl
