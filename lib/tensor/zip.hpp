// ZIP archives in memory, as far as .npz needs them: entries stored or deflated, ZIP64 sizes. APPNOTE 6.3.10 by PKWARE
// is the format; the reader trusts the central directory and checks that each local header agrees.
#pragma once

#include "base/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl {

struct ZipEntry {
  std::string name;
  std::uint64_t size = 0;  // unpacked
  std::uint32_t crc = 0;
  bool deflated = false;
  ByteSpan packed;  // in the archive
};

// The archive's entries in their order. Errors are bad_input with the reason as `what`.
Result<std::vector<ZipEntry>> read_zip(ByteSpan archive);

// The entry's bytes, checked against its checksum. Memory grows with what is there, not with what is claimed.
Result<std::vector<std::byte>> unpack(const ZipEntry& entry);

// Writes an archive of stored entries, dated 1980-01-01, so that equal contents are equal bytes.
class ZipWriter {
 public:
  void add(std::string_view name, ByteSpan bytes);
  std::vector<std::byte> finish();

 private:
  ByteWriter out_, directory_;
  std::uint64_t entries_ = 0;
};

}  // namespace modelctl
