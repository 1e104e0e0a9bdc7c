// Files: read whole, mapped (base/mapped_file.hpp), or written so that the new content is complete or absent.
#pragma once

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/mapped_file.hpp"
#include "base/temporary.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace modelctl {

// The file's bytes. Fails with not_found or io; refuses more than `limit` bytes with bad_input.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::uint64_t limit = 1ull << 32);
Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t limit = 64ull << 20);

// A warning if every user of the machine can read or write the file, which holds a secret; nothing if not, or if it is
// not a regular file. A group may have it: servers share certificates' keys in that way.
std::optional<Error> exposed_secret(const std::filesystem::path& path);

// Writes a file that is complete or absent: the bytes go to a temporary file in the same folder, and commit() syncs it
// and renames it over the target. Destroyed without commit(), it leaves no trace; killed, it leaves a temporary file
// that the next create() in the folder removes (base/temporary.hpp).
//
// `path` may be a symbolic link: what it leads to is replaced, the link stays. What is there and is not a regular file
// (a device, a FIFO, an entry of /proc/self/fd) cannot be replaced: commit() writes the finished content into it.
class AtomicFile {
 public:
  // A new file gets `mode` as the umask restricts it. An existing file keeps its mode, with two exceptions: a program
  // stays executable (the execute bits of `mode`), and what is private (0600) never becomes readable by others.
  static Result<AtomicFile> create(const std::filesystem::path& path, unsigned mode = 0644);

  Result<void> write(ByteSpan bytes);
  Result<void> commit();
  int descriptor() const { return device_.is_open() ? content_.number() : temporary_.descriptor(); }

 private:
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<void> copy_to_device();

  std::filesystem::path path_;  // as the user wrote it
  std::string name_;            // of the target, in the folder of the temporary file
  Temporary temporary_;
  Descriptor device_;   // open: the target is not a regular file
  Descriptor content_;  // what will be copied to the device
};

Result<void> write_file(const std::filesystem::path& path, ByteSpan bytes, unsigned mode = 0644);

// Creates the folder and its parents; fine if it is there.
Result<void> make_folder(const std::filesystem::path& path, unsigned mode = 0755);

// An empty folder with a new name in `parent`, removed with its content when the object is destroyed, unless keep_as()
// renamed it into place. Left by a killed process, it is removed as AtomicFile's temporary files are.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(const std::filesystem::path& parent);

  const std::filesystem::path& path() const { return temporary_.path(); }
  // Renames the folder to `path`, which must not exist or must be an empty folder.
  Result<void> keep_as(const std::filesystem::path& path);

 private:
  explicit TemporaryFolder(Temporary temporary) : temporary_(std::move(temporary)) {}
  Temporary temporary_;
};

// Opens a file, or anything that can be read like one. `flags` are more flags of open(2).
Result<Descriptor> open_file(const std::filesystem::path& path, int flags = 0);
// The size of an open file that is not a folder: 0 for what has none, such as a pipe.
Result<std::uint64_t> size_of(const Descriptor& file, const std::filesystem::path& path, bool must_be_regular);

// The error for a failed system call: not_found, denied or io by `error_number`, with the system's own words last.
Error system_error(int error_number, std::string what, const std::filesystem::path& path);

}  // namespace modelctl
