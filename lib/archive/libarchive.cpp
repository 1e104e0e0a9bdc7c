// ZIP archives by libarchive. It sees the archive's memory in blocks, because its checksums and decompressors count in
// 32 bits. What is not left to it: docs/explanation/decisions/archives-by-libarchive.md
#include "archive/decoder.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <locale.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace modelctl::archive {
namespace {

using Handle = ::archive;

constexpr std::size_t block_bytes = 1 << 20;
constexpr std::uint32_t end_magic = 0x06054b50;
constexpr std::string_view local_magic = "PK\x03\x04";
constexpr std::size_t end_size = 22, local_size = 30;
constexpr std::uint16_t in_zip64 = 0xffff;  // a number of entries that does not fit
// An input block may unpack to nothing, but not many in a row.
constexpr int empty_limit = 1000;

struct Free {
  void operator()(Handle* handle) const { ::archive_read_free(handle); }
  void operator()(locale_t locale) const { ::freelocale(locale); }
};

struct Source {
  ByteSpan bytes;
  std::size_t at = 0;
};

la_ssize_t read_block(Handle*, void* data, const void** block) {
  auto& source = *static_cast<Source*>(data);
  ByteSpan part = source.bytes.subspan(source.at, std::min(block_bytes, source.bytes.size() - source.at));
  source.at += part.size();
  *block = part.data();
  return static_cast<la_ssize_t>(part.size());
}

la_int64_t seek(Handle*, void* data, la_int64_t offset, int whence) {
  auto& source = *static_cast<Source*>(data);
  auto size = static_cast<la_int64_t>(source.bytes.size());
  la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_END ? size : static_cast<la_int64_t>(source.at);
  if (offset < -from || offset > size - from) return ARCHIVE_FATAL;
  source.at = static_cast<std::size_t>(from + offset);
  return from + offset;
}

// The number of entries by the end record, which must be the last thing in the file. libarchive searches for one, and
// a file in which several could be found would be read differently by different programs. A comment may follow it by
// the format, but no writer of arrays makes one.
Result<std::uint16_t> claimed_entries(ByteSpan archive) {
  if (archive.size() < end_size) return refused("it is not a ZIP archive");
  ByteReader end(archive.last(end_size));
  if (end.u32() != end_magic) return refused("it is not a ZIP archive, or does not end as one");
  end.take(2 + 2 + 2);  // disks, entries on this disk
  auto entries = end.number<std::uint16_t>();
  end.take(4 + 4);  // the directory
  if (end.number<std::uint16_t>() != 0) return refused("its archive has a comment");
  return entries;
}

// How an entry is compressed, from the text that is all that libarchive reports of it, such as "ZIP 2.0 (deflation)".
// The headers of LZMA, XZ, Zstandard and PPMd name the memory that is allocated, 4 GiB for an archive of 100 bytes.
enum class Method { stored, compressed, other };

Method method_of(std::string_view text) {
  if (text.ends_with("(uncompressed)")) return Method::stored;
  return text.ends_with("(deflation)") || text.ends_with("(bzip)") ? Method::compressed : Method::other;
}

// The name in the local header that an archive ends with here. libarchive returns another one: Unicode composed,
// slashes for backslashes, nothing after a zero. Names identify arrays, so they have to be exact.
std::optional<std::string> exact_name(ByteSpan archive) {
  std::string_view before = as_text(archive.last(std::min<std::size_t>(archive.size(), local_size + 2 * 0xffff)));
  std::size_t at = before.rfind(local_magic);
  while (at != std::string_view::npos) {
    ByteReader lengths(as_bytes(before.substr(at)));
    lengths.take(local_size - 2 - 2);
    auto name = lengths.number<std::uint16_t>(), extra = lengths.number<std::uint16_t>();
    if (lengths.left() == std::size_t{name} + extra) return std::string(as_text(lengths.take(name)));
    at = at == 0 ? std::string_view::npos : before.rfind(local_magic, at - 1);
  }
  return std::nullopt;
}

Entry::Type type_of(archive_entry* header) {
  switch (::archive_entry_filetype(header)) {
    case AE_IFREG: return Entry::Type::file;
    case AE_IFDIR: return Entry::Type::folder;
    default: return Entry::Type::other;
  }
}

// Warnings are errors: they are about headers that contradict the directory, and names that cannot be converted.
class ZipDecoder final : public Decoder {
 public:
  ZipDecoder(ByteSpan archive, std::uint16_t claimed) : source_{archive}, claimed_(claimed) {}

  Result<void> open() {
    Handle* handle = handle_.get();
    if (handle == nullptr) return Error(Kind::unavailable, "out-of-memory", "the machine does not have enough memory");
    ::archive_read_support_format_zip_seekable(handle);
    ::archive_read_set_read_callback(handle, read_block);
    ::archive_read_set_seek_callback(handle, seek);
    ::archive_read_set_callback_data(handle, &source_);
    // It does not find an end record that is the whole archive.
    if (source_.bytes.size() == end_size) empty_ = true;
    else if (::archive_read_open1(handle) != ARCHIVE_OK) return refused("its directory is not where it should be");
    return {};
  }

  Result<bool> next(Entry& entry) override {
    archive_entry* header = nullptr;
    locale_t before = ::uselocale(utf8_.get());
    int status = empty_ ? ARCHIVE_EOF : ::archive_read_next_header(handle_.get(), &header);
    const char* name = header == nullptr ? nullptr : ::archive_entry_pathname(header);
    ::uselocale(before);
    if (status == ARCHIVE_EOF) {
      if (claimed_ == in_zip64 || claimed_ == count_) return false;
      return refused(fmt::format("its directory claims {} entries, and {} can be found", claimed_, count_));
    }
    if (name == nullptr || *name == '\0') return failed("its directory or a header is damaged");
    begin_ = std::min(static_cast<std::size_t>(::archive_filter_bytes(handle_.get(), 0)), source_.bytes.size());
    entry.name = exact_name(source_.bytes.first(begin_)).value_or(name);
    if (status != ARCHIVE_OK) return failed(fmt::format("its entry '{}' is damaged", entry.name));
    if (::archive_entry_is_encrypted(header) != 0)
      return refused(fmt::format("its entry '{}' is encrypted", entry.name));
    method_ = method_of(::archive_format_name(handle_.get()));
    if (method_ == Method::other) {
      return refused(fmt::format("its entry '{}' is compressed as {}; only deflate and bzip2 can be read", entry.name,
                                 ::archive_format_name(handle_.get())));
    }
    ++count_;
    entry.type = type_of(header);
    entry.size = static_cast<std::uint64_t>(::archive_entry_size(header));
    return true;
  }

  Result<ByteSpan> part() override {
    if (method_ == Method::compressed) return block();
    std::size_t size = 0, more = 0;
    do size += more = TRY(block()).size();  // the last one checks
    while (more > 0);
    return source_.bytes.subspan(std::exchange(begin_, begin_ + size), size);
  }

 private:
  // The next block of the entry's content; empty at its end.
  Result<ByteSpan> block() {
    for (int empty = 0; empty < empty_limit; ++empty) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      int status = ::archive_read_data_block(handle_.get(), &data, &size, &offset);
      if (status == ARCHIVE_EOF) return ByteSpan();
      if (status != ARCHIVE_OK) break;
      if (size > 0) return ByteSpan(static_cast<const std::byte*>(data), size);
    }
    return failed("cannot be unpacked");
  }

  Error failed(std::string reason) const {
    const char* text = ::archive_error_string(handle_.get());
    return refused(text == nullptr ? std::move(reason) : reason + ": " + text);
  }

  Source source_;
  std::uint64_t claimed_, count_ = 0;
  Method method_ = Method::other;  // of the entry
  std::size_t begin_ = 0;          // of the entry's content in the archive
  bool empty_ = false;
  // To whose encoding libarchive converts names. It is part of the C library's package; without it, only ASCII is read.
  std::unique_ptr<std::remove_pointer_t<locale_t>, Free> utf8_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)};
  std::unique_ptr<Handle, Free> handle_{::archive_read_new()};
};

}  // namespace

Result<std::unique_ptr<Decoder>> decode_zip(ByteSpan archive) {
  auto decoder = std::make_unique<ZipDecoder>(archive, TRY(claimed_entries(archive)));
  TRY(decoder->open());
  return decoder;
}

}  // namespace modelctl::archive
