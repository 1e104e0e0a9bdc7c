// The limits of reading an archive: what an entry claims is checked before it is unpacked, and what it unpacks to is
// compared with the claim.
#include "archive/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::archive {
namespace {

bool lies_in(ByteSpan whole, ByteSpan part) {
  return std::less_equal<>()(whole.data(), part.data()) &&
         std::less_equal<>()(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace

Error refused(std::string reason) { return Error(Kind::bad_input, "bad-archive", std::move(reason)); }

Reader::Reader(ByteSpan archive, std::unique_ptr<Decoder> decoder, const Interrupt* stop, const Limits& limits)
    : archive_(archive),
      decoder_(std::move(decoder)),
      stop_(stop),
      entries_left_(limits.entries),
      bytes_left_(archive.size() < limits.bytes / limits.ratio ? archive.size() * limits.ratio : limits.bytes) {}

Result<const Entry*> Reader::next() {
  entry_ = {};
  if (!TRY(decoder_->next(entry_))) return nullptr;
  read_ = 0;
  buffer_.bytes().clear();
  if (entries_left_-- == 0) return refused(fmt::format("it has more than {} entries", names_.size()));
  if (!names_.insert(entry_.name).second) return of_entry("stands twice");
  if (entry_.size > bytes_left_) {
    return of_entry(fmt::format("claims {} bytes: with those before it, more than an archive of {} bytes may unpack to",
                                entry_.size, archive_.size()));
  }
  bytes_left_ -= entry_.size;
  return &entry_;
}

Result<ByteSpan> Reader::part() {
  if (stop_ != nullptr && stop_->requested()) {
    return Error(Kind::interrupted, "interrupted", "stopped reading an archive");
  }
  auto part = decoder_->part();
  if (!part) return of_entry(part.error().what);
  read_ += part->size();
  if (read_ <= entry_.size && (read_ == entry_.size || !part->empty())) return part;
  return of_entry(fmt::format("is damaged: it does not unpack to {} bytes", entry_.size));
}

Result<ByteSpan> Reader::content() {
  while (true) {
    ByteSpan part = TRY(this->part());
    if (part.empty()) return ByteSpan(buffer_.bytes());
    if (part.size() == entry_.size && lies_in(archive_, part)) return part;
    append(part);
  }
}

Error Reader::of_entry(std::string_view reason) const {
  return refused(fmt::format("its entry '{}' {}", entry_.name, reason));
}

// A claim is trusted for a few times the archive's size, which most arrays do not exceed; beyond, memory doubles.
void Reader::append(ByteSpan part) {
  std::vector<std::byte>& bytes = buffer_.bytes();
  std::uint64_t used = bytes.size(), needed = used + part.size();
  if (needed > bytes.capacity()) {
    bytes.reserve(std::min(entry_.size, std::max({needed, 2 * used, 8 * std::uint64_t{archive_.size()}})));
  }
  buffer_.append(part);
}

}  // namespace modelctl::archive
