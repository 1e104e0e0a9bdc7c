// The interface between the reader of archives and what decodes them. A program is linked with exactly one definition
// of decode_zip(): modelctl with libarchive (libarchive.cpp), and the programs that `link` makes, which would grow by
// nearly a quarter with it, with cli/runner/zip.cpp. docs/explanation/decisions/archives-by-libarchive.md
#pragma once

#include "base/bytes.hpp"

#include <memory>

namespace modelctl::archive {

struct Entry {
  enum class Type { file, folder, other };  // other: a link, a device

  std::string name;  // as UTF-8; not a path: whoever writes a file of this name must check where it leads
  Type type = Type::file;
  std::uint64_t size = 0;  // of the content, as the archive claims
};

// What an archive is refused for: code "bad-archive", and `what` is a reason, such as "its entry 'x' is encrypted".
Error refused(std::string reason);

// Errors are made by refused(), except for a lack of memory.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // The next entry; false after the last one.
  virtual Result<bool> next(Entry& entry) = 0;
  // The next part of the entry's content, valid until the next call; empty at the end, if the checksum is right.
  // Content that is not compressed is one part, a view into the archive, and its checksum is right. Errors continue
  // "its entry 'x' ".
  virtual Result<ByteSpan> part() = 0;
};

// `archive` must outlive the decoder.
Result<std::unique_ptr<Decoder>> decode_zip(ByteSpan archive);

}  // namespace modelctl::archive
