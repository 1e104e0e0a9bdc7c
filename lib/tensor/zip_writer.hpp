// Writes ZIP archives in memory, as far as .npz needs them: stored entries, ZIP64 sizes. APPNOTE 6.3.10 by PKWARE is
// the format. Ours and not libarchive's, whose dates depend on the time zone; lib/archive reads archives.
#pragma once

#include "base/bytes.hpp"

namespace modelctl {

// An archive of stored entries, dated 1980-01-01, so that equal contents are equal bytes.
class ZipWriter {
 public:
  void add(std::string_view name, ByteSpan bytes);
  std::vector<std::byte> finish();

 private:
  ByteWriter out_, directory_;
  std::uint64_t entries_ = 0;
};

}  // namespace modelctl
