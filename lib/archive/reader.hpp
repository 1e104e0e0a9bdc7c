// Archives that other programs made, read entry by entry from memory. The limits hold whatever an archive claims, and
// whatever decodes it (decoder.hpp).
#pragma once

#include "archive/decoder.hpp"
#include "base/interrupt.hpp"

#include <set>

namespace modelctl::archive {

struct Limits {
  std::uint64_t entries = 100'000;
  std::uint64_t bytes = 1ull << 36;  // of all entries, unpacked
  // Unpacked bytes for each byte of the archive. Deflate gives up to 1032, and an array of zeros nearly so many.
  // Entries that share their data, or better compression, could make any number of bytes from a small archive.
  std::uint64_t ratio = 1032;
};

// Errors are those of the decoder, or interrupted if `stop` requests it. After one, the reader must not be used again.
class Reader {
 public:
  // `archive` and `stop` must outlive the reader.
  Reader(ByteSpan archive, std::unique_ptr<Decoder> decoder, const Interrupt* stop = nullptr,
         const Limits& limits = {});

  // The next entry, valid until the next call; nullptr after the last one. No two entries have the same name.
  Result<const Entry*> next();
  // The next part of the entry's content, valid until the next call; empty at the end.
  Result<ByteSpan> part();
  // All of the content, valid until the next call of next(): a view into the archive if it is not compressed there.
  // Memory grows with what is unpacked, not with what is claimed.
  Result<ByteSpan> content();

 private:
  Error of_entry(std::string_view reason) const;
  void append(ByteSpan part);

  ByteSpan archive_;
  std::unique_ptr<Decoder> decoder_;
  const Interrupt* stop_;
  std::uint64_t entries_left_, bytes_left_;
  std::set<std::string> names_;
  Entry entry_;
  std::uint64_t read_ = 0;  // of the entry's content
  ByteWriter buffer_;
};

}  // namespace modelctl::archive
