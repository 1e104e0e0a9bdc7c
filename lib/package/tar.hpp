// The one tar that a manifest stands for. Every byte of the archive that is not an entry's content follows from
// manifest and sizes, so a reader compares instead of interpreting, and a transport may fetch entries apart and rebuild
// the same file.
#pragma once

#include "package/manifest.hpp"

namespace modelctl::package {

inline constexpr std::uint64_t tar_block = 512;

// The header blocks before an entry's content: one ustar block, or if the path is longer than 100 bytes or the size
// is 8 GiB and more, a pax record for just that in front of it (POSIX.1-2008, pax interchange format).
std::string tar_header(std::string_view path, std::uint64_t size, unsigned mode, std::uint64_t timestamp);
inline constexpr std::uint64_t tar_padding(std::uint64_t size) { return (tar_block - size % tar_block) % tar_block; }

// Where one file lies in the archive: header in [header_at, at), content in [at, at + size), zeros up to `end`.
struct Slot {
  std::string path;
  std::uint64_t size;
  unsigned mode;
  std::uint64_t header_at, at, end;
};

// The whole archive: manifest.json, manifest.sigstore.json, the entries in the manifest's order, two zero blocks.
class Layout {
 public:
  Layout(const Manifest& manifest, std::uint64_t manifest_size, std::uint64_t bundle_size);

  const std::vector<Slot>& slots() const { return slots_; }  // slots()[i + 2] is entry i
  std::uint64_t size() const { return slots_.back().end + 2 * tar_block; }
  std::string header(const Slot& slot) const { return tar_header(slot.path, slot.size, slot.mode, timestamp_); }
  // The bytes in front of the first entry's header: both documents with their headers and padding.
  std::string head(std::string_view manifest, std::string_view bundle) const;

 private:
  void place(std::string path, std::uint64_t size, unsigned mode);
  std::vector<Slot> slots_;
  std::uint64_t timestamp_;
};

}  // namespace modelctl::package
