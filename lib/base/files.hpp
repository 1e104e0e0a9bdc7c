// Files: read whole, mapped, or written so that the new content is complete or absent.
#pragma once

#include "base/bytes.hpp"

#include <filesystem>
#include <memory>

namespace modelctl {

// The file's bytes. Fails with not_found or io; refuses more than `limit` bytes with bad_input.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::uint64_t limit = 1ull << 32);
Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t limit = 64ull << 20);

// A file mapped read-only for the life of the object. An empty file gives an empty span.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  ByteSpan bytes() const { return bytes_; }
  // Gives back the memory of what was read; it is read from the file again when it is needed again.
  void forget() const;

 private:
  explicit MappedFile(ByteSpan bytes) : bytes_(bytes) {}
  ByteSpan bytes_;
};

// Writes a file that is complete or absent: the bytes go to a temporary file in the same folder, and commit() syncs it
// and renames it over `path`. Destroyed without commit(), it leaves no trace.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::filesystem::path& path, unsigned mode = 0644);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  Result<void> write(ByteSpan bytes);
  Result<void> commit();
  int descriptor() const { return descriptor_; }

 private:
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

Result<void> write_file(const std::filesystem::path& path, ByteSpan bytes, unsigned mode = 0644);

// Creates the folder and its parents; fine if it is there.
Result<void> make_folder(const std::filesystem::path& path, unsigned mode = 0755);

// An empty folder with a fresh name beside or below `parent`, removed with all it holds when the object goes, unless
// keep_as() renamed it into place.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(const std::filesystem::path& parent);
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Renames the folder to `path`, which must not exist or must be an empty folder.
  Result<void> keep_as(const std::filesystem::path& path);

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// The error for a failed system call: not_found, denied or io by `error_number`, with the system's own words last.
Error system_error(int error_number, std::string what, const std::filesystem::path& path);

}  // namespace modelctl
