// Files mapped into memory, and how the bytes stay what they were.
//
// A mapping shows what the file contains at the moment of each access: whoever overwrites the file in place alters what
// a running model computes, and whoever truncates it ends the process with SIGBUS. So what was verified and then runs
// for a while is opened with open_stable(). docs/explanation/decisions/verified-bytes-run.md has the exact guarantee.
#pragma once

#include "base/bytes.hpp"
#include "base/descriptor.hpp"

#include <sys/stat.h>
#include <filesystem>
#include <memory>
#include <optional>

namespace modelctl {

// A file mapped read-only for the life of the object. An empty file gives an empty span.
class MappedFile {
 public:
  // Up to this size open_stable() makes a private copy: it takes a tenth of a second at most, and as much memory.
  static constexpr std::uint64_t copied_bytes = 256ull << 20;

  // Fails with bad_input if the path is not that of a regular file; does not wait for a writer if it is a FIFO.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  // Of a regular file that is open already; `path` is for messages.
  static Result<std::shared_ptr<const MappedFile>> map(Descriptor file, const std::filesystem::path& path);
  // The bytes do not change while they are mapped, or check_unchanged() finds that they did. Up to `copied` bytes it
  // maps a sealed copy in memory; beyond, a private clone if the file system shares blocks (Btrfs, XFS); else the
  // file itself, which is watched.
  static Result<std::shared_ptr<const MappedFile>> open_stable(const std::filesystem::path& path,
                                                               std::uint64_t copied = copied_bytes);
  static Result<std::shared_ptr<const MappedFile>> map_stable(Descriptor file, const std::filesystem::path& path,
                                                              std::uint64_t copied = copied_bytes);
  // Only `size` bytes from `offset` on, a multiple of the page size; they must be there.
  static Result<std::shared_ptr<const MappedFile>> map_stable_part(Descriptor file, const std::filesystem::path& path,
                                                                   std::uint64_t offset, std::uint64_t size,
                                                                   std::uint64_t copied = copied_bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  ByteSpan bytes() const { return bytes_; }
  // Releases the memory of what was read; it is read from the file again when it is needed again.
  void release_pages() const;
  // Fails with untrusted, code "file-changed", if somebody wrote to the file since open_stable(). A file that was
  // replaced or removed has not changed: the mapping keeps the old one. Costs one system call if a file is watched.
  Result<void> check_unchanged() const;
  // Where these bytes are, so that another process can be given the open file and map them, too. Nothing if they are
  // not bytes of this file, or it was not opened with open_stable().
  struct Location {
    int descriptor;  // of this object
    std::uint64_t offset;
  };
  std::optional<Location> locate(ByteSpan part) const;

 private:
  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<void> map_bytes(const Descriptor& file, std::uint64_t offset, std::uint64_t size);

  std::filesystem::path path_;
  ByteSpan bytes_;
  Descriptor file_;           // what is mapped, of a stable mapping
  std::uint64_t offset_ = 0;  // of bytes_ in it
  bool watched_ = false;      // it is the file itself, and was as `before_` says
  struct stat before_ {};
};

// Makes the process end with a message and the exit code of an I/O failure if it would be killed by SIGBUS: a mapped
// file became shorter, or its disk failed. For programs; a library must leave signals alone.
void report_bus_errors();

}  // namespace modelctl
