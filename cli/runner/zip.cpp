// The decoder of ZIP archives in linked programs: entries stored or deflated and ZIP64 sizes, which is what NumPy
// writes. modelctl has libarchive (archive/libarchive.cpp), which would make a small program nearly a quarter larger.
// APPNOTE 6.3.10 by PKWARE is the format; the central directory is trusted, and each local header must agree with it.
#include "archive/decoder.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace modelctl::archive {
namespace {

constexpr std::uint32_t local_magic = 0x04034b50, entry_magic = 0x02014b50, end_magic = 0x06054b50;
constexpr std::uint32_t end64_magic = 0x06064b50, locator_magic = 0x07064b50;
constexpr std::size_t end_size = 22, locator_size = 20, entry_size = 46;
constexpr std::uint16_t sizes_extra = 1;  // the extra field that holds ZIP64 sizes
constexpr std::uint32_t in_extra = 0xffffffff;
constexpr std::uint32_t unix_link = 0120000 >> 12;  // the type in a Unix mode, S_IFLNK
constexpr std::size_t step = 1u << 30;              // zlib counts in unsigned int

// The content of an entry.
struct Packed {
  std::uint32_t crc = 0;
  bool deflated = false;
  ByteSpan bytes;  // in the archive
};

struct Directory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

// The end record is the last thing in the file. A comment may follow it by the format, but no writer of .npz makes one,
// and a file in which two end records could be found would be read differently by different programs.
Result<Directory> find_directory(ByteSpan archive) {
  if (archive.size() < end_size) return refused("it is not a ZIP archive");
  ByteReader reader(archive.subspan(archive.size() - end_size));
  if (reader.u32() != end_magic) return refused("it is not a ZIP archive, or does not end as one");
  reader.take(2 + 2 + 2);  // disks, entries on this disk
  Directory directory{reader.number<std::uint16_t>(), 0, 0};
  directory.size = reader.u32();
  directory.offset = reader.u32();
  if (reader.number<std::uint16_t>() != 0) return refused("its archive has a comment");
  std::uint64_t end = archive.size() - end_size;
  if (end >= locator_size) {
    ByteReader locator(archive.subspan(end - locator_size, locator_size));
    if (locator.u32() == locator_magic) {
      locator.u32();
      std::uint64_t at = locator.u64();
      ByteReader end64(archive.subspan(std::min(at, end)));
      bool found = end64.u32() == end64_magic;
      end64.take(8 + 4 + 8 + 8);  // record size, versions, disks, entries on this disk
      directory = {end64.u64(), end64.u64(), end64.u64()};
      if (!found || end64.failed()) return refused("its ZIP64 directory is not where it should be");
      end = at;
    }
  }
  if (directory.offset > end || directory.size != end - directory.offset) {
    return refused("its directory is not where it should be");
  }
  if (directory.entries > directory.size / entry_size) return refused("its directory claims more entries than it has");
  return directory;
}

// Sizes of 4 GiB and more stand in an extra field, in a fixed order, each only if its place holds all ones.
bool read_extra(ByteSpan extra, std::initializer_list<std::uint64_t*> values) {
  ByteReader reader(extra);
  std::optional<ByteReader> sizes;
  while (!reader.failed() && reader.left() >= 4) {  // a length that lies must not be read for ever
    auto id = reader.number<std::uint16_t>();
    ByteSpan content = reader.take(reader.number<std::uint16_t>());
    if (id == sizes_extra && !sizes) sizes.emplace(content);
  }
  if (reader.failed()) return false;
  for (std::uint64_t* value : values) {
    if (*value != in_extra) continue;
    if (!sizes) return false;
    *value = sizes->u64();
  }
  return !sizes || !sizes->failed();
}

// Reads one entry of the directory, and checks that the local header before its data says the same.
Result<Packed> read_entry(ByteReader& reader, ByteSpan archive, std::uint64_t data_end, Entry& entry) {
  if (reader.u32() != entry_magic) return refused("its directory is damaged");
  reader.u32();  // versions
  auto flags = reader.number<std::uint16_t>();
  auto method = reader.number<std::uint16_t>();
  reader.u32();  // date
  Packed found;
  found.crc = reader.u32();
  std::uint64_t packed = reader.u32();
  entry.size = reader.u32();
  auto name_size = reader.number<std::uint16_t>();
  auto extra_size = reader.number<std::uint16_t>();
  auto comment_size = reader.number<std::uint16_t>();
  reader.take(2 + 2);  // disk, internal attributes
  std::uint32_t attributes = reader.u32();
  std::uint64_t offset = reader.u32();
  entry.name = as_text(reader.take(name_size));
  if (entry.name.ends_with('/')) entry.type = Entry::Type::folder;
  if (attributes >> 28 == unix_link) entry.type = Entry::Type::other;
  ByteSpan extra = reader.take(extra_size);
  reader.take(comment_size);
  if (reader.failed() || !read_extra(extra, {&entry.size, &packed, &offset}))
    return refused("its directory is damaged");

  auto refuse = [&](std::string_view reason) { return refused(fmt::format("its entry '{}' {}", entry.name, reason)); };
  if (flags & 1) return refuse("is encrypted");
  if (method != 0 && method != 8) return refuse(fmt::format("is packed by method {}; 0 and 8 can be read", method));
  found.deflated = method == 8;
  ByteReader local(archive.first(data_end).subspan(std::min(offset, data_end)));
  std::uint32_t magic = local.u32();
  local.take(2 + 2);  // version, flags
  auto local_method = local.number<std::uint16_t>();
  local.take(4 + 4 + 4 + 4);  // date, checksum, sizes: zero if they follow the data
  auto local_name_size = local.number<std::uint16_t>();
  auto local_extra_size = local.number<std::uint16_t>();
  std::string_view local_name = as_text(local.take(local_name_size));
  local.take(local_extra_size);
  found.bytes = local.take(packed);
  if (local.failed() || magic != local_magic) return refuse("does not lie in the archive");
  if (local_name != entry.name || local_method != method) return refuse("is not what the directory says");
  if (!found.deflated && entry.size != packed) return refuse("has two different sizes");
  return found;
}

class ZipDecoder final : public Decoder {
 public:
  ZipDecoder(ByteSpan archive, const Directory& directory)
      : archive_(archive), directory_(directory), reader_(archive.subspan(directory.offset, directory.size)) {}
  ~ZipDecoder() override { inflateEnd(&stream_); }

  Result<bool> next(Entry& entry) override {
    if (count_ == directory_.entries) {
      if (reader_.left() > 0) return refused("its directory has more entries than it claims");
      return false;
    }
    ++count_;
    packed_ = TRY(read_entry(reader_, archive_, directory_.offset, entry));
    crc_ = 0;
    left_ = packed_.bytes;
    inflateEnd(&stream_);
    stream_ = {};
    if (packed_.deflated) inflateInit2(&stream_, -MAX_WBITS);  // without memory, inflate() fails
    return true;
  }

  Result<ByteSpan> part() override {
    ByteSpan part = packed_.deflated ? TRY(inflated()) : std::exchange(left_, {});
    crc_ = crc32_z(crc_, reinterpret_cast<const Bytef*>(part.data()), part.size());
    bool whole = part.empty() || !packed_.deflated;
    if (whole && crc_ != packed_.crc) return refused("is damaged: its checksum does not match");
    return part;
  }

 private:
  // Fills the buffer; less only at the end of the entry.
  Result<ByteSpan> inflated() {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    int status = Z_OK;
    while (status == Z_OK && stream_.avail_out > 0) {
      if (stream_.avail_in == 0) {
        ByteSpan part = left_.first(std::min(left_.size(), step));
        left_ = left_.subspan(part.size());
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
        stream_.avail_in = static_cast<uInt>(part.size());
      }
      status = inflate(&stream_, Z_NO_FLUSH);
    }
    bool whole = status == Z_STREAM_END && stream_.avail_in == 0 && left_.empty();
    if (!whole && status != Z_OK) return refused("cannot be unpacked");
    return ByteSpan(buffer_).first(buffer_.size() - stream_.avail_out);
  }

  ByteSpan archive_;
  Directory directory_;
  ByteReader reader_;  // in the directory
  std::uint64_t count_ = 0;
  Packed packed_;
  uLong crc_ = 0;
  ByteSpan left_;  // of the packed bytes
  z_stream stream_{};
  std::array<std::byte, 1 << 16> buffer_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> decode_zip(ByteSpan archive) {
  return std::make_unique<ZipDecoder>(archive, TRY(find_directory(archive)));
}

}  // namespace modelctl::archive
