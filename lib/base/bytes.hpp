// Bytes: spans, a bounds-checked little-endian reader, and its writer.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl {

using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Reads little-endian numbers and length-prefixed blocks; every length is checked against the bytes left before it is
// believed, so that a claim alone never allocates. Once a read has failed, each further one gives zero or empty, and
// failed() tells: a reader may read a record whole and ask once.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T> T number() {
    T value{};
    if (ByteSpan raw = take(sizeof(T)); !raw.empty()) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int64_t i64() { return number<std::int64_t>(); }

  // The next `size` bytes, a view into the source; empty and failed() if fewer are left.
  ByteSpan take(std::uint64_t size) {
    if (failed_ || size > left()) {
      failed_ = true;
      return {};
    }
    ByteSpan taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  // A u32 length and that many bytes.
  std::string_view text() { return as_text(take(u32())); }
  // A u32 count of records that are at least `record_size` bytes each; 0 and failed() if they cannot all be there.
  std::uint32_t count(std::size_t record_size) {
    std::uint32_t n = u32();
    if (failed_ || n > left() / record_size) {
      failed_ = true;
      return 0;
    }
    return n;
  }

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  bool failed() const { return failed_; }
  // For what the caller finds wrong itself.
  void fail() { failed_ = true; }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

class ByteWriter {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void number(T value) { append(std::as_bytes(std::span(&value, 1))); }
  void u8(std::uint8_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void i64(std::int64_t value) { number(value); }
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    append(as_bytes(value));
  }
  void append(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  // Zero bytes up to the next multiple of `alignment`.
  void align(std::size_t alignment) { bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment); }

  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace modelctl
