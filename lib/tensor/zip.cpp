// The reader and writer of ZIP archives. Claims of sizes are compared with the bytes in the archive before anything is
// decompressed.
#include "tensor/zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <optional>
#include <set>

namespace modelctl {
namespace {

constexpr std::uint32_t local_magic = 0x04034b50, entry_magic = 0x02014b50, end_magic = 0x06054b50;
constexpr std::uint32_t end64_magic = 0x06064b50, locator_magic = 0x07064b50;
constexpr std::size_t end_size = 22, locator_size = 20, entry_size = 46;
constexpr std::uint16_t sizes_extra = 1;  // the extra field that holds ZIP64 sizes
constexpr std::uint32_t in_extra = 0xffffffff;
constexpr std::uint64_t entry_limit = 100'000;
// Deflate gives at most 1032 bytes for one.
constexpr std::uint64_t best_ratio = 1032;

Error bad(std::string reason) { return Error(Kind::bad_input, "bad-zip", std::move(reason)); }

struct Directory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

// The end record is the last thing in the file. A comment may follow it by the format, but no writer of .npz makes one,
// and a file in which two end records could be found would be read differently by different programs.
Result<Directory> find_directory(ByteSpan archive) {
  if (archive.size() < end_size) return bad("it is not a ZIP archive");
  ByteReader reader(archive.subspan(archive.size() - end_size));
  if (reader.u32() != end_magic) return bad("it is not a ZIP archive, or does not end as one");
  reader.u32();  // this disk, the directory's disk
  reader.number<std::uint16_t>();
  Directory directory{reader.number<std::uint16_t>(), 0, 0};
  directory.size = reader.u32();
  directory.offset = reader.u32();
  if (reader.number<std::uint16_t>() != 0) return bad("its archive has a comment");
  std::uint64_t end = archive.size() - end_size;
  if (end >= locator_size) {
    ByteReader locator(archive.subspan(end - locator_size, locator_size));
    if (locator.u32() == locator_magic) {
      locator.u32();
      std::uint64_t at = locator.u64();
      if (at > end) return bad("its ZIP64 directory is not where it should be");
      ByteReader end64(archive.subspan(at));
      if (end64.u32() != end64_magic) return bad("its ZIP64 directory is not where it should be");
      end64.take(8 + 4 + 8 + 8);  // record size, versions, disks, entries on this disk
      directory = {end64.u64(), end64.u64(), end64.u64()};
      if (end64.failed()) return bad("its ZIP64 directory is not where it should be");
      end = at;
    }
  }
  if (directory.offset > end || directory.size != end - directory.offset) {
    return bad("its directory is not where it should be");
  }
  if (directory.entries > entry_limit || directory.entries > directory.size / entry_size) {
    return bad("its directory claims more entries than it has");
  }
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
Result<ZipEntry> read_entry(ByteReader& reader, ByteSpan archive, std::uint64_t data_end) {
  if (reader.u32() != entry_magic) return bad("its directory is damaged");
  reader.u32();  // versions
  auto flags = reader.number<std::uint16_t>();
  auto method = reader.number<std::uint16_t>();
  reader.u32();  // date
  ZipEntry entry;
  entry.crc = reader.u32();
  std::uint64_t packed = reader.u32();
  entry.size = reader.u32();
  auto name_size = reader.number<std::uint16_t>();
  auto extra_size = reader.number<std::uint16_t>();
  auto comment_size = reader.number<std::uint16_t>();
  reader.take(2 + 2 + 4);  // disk, attributes
  std::uint64_t offset = reader.u32();
  entry.name = as_text(reader.take(name_size));
  ByteSpan extra = reader.take(extra_size);
  reader.take(comment_size);
  if (reader.failed() || !read_extra(extra, {&entry.size, &packed, &offset})) return bad("its directory is damaged");

  auto refuse = [&](std::string_view reason) { return bad(fmt::format("its entry '{}' {}", entry.name, reason)); };
  if (flags & 1) return refuse("is encrypted");
  if (method != 0 && method != 8) return refuse(fmt::format("is packed by method {}; 0 and 8 can be read", method));
  entry.deflated = method == 8;
  if (offset > data_end) return refuse("does not lie in the archive");
  ByteReader local(archive.subspan(offset, data_end - offset));
  std::uint32_t magic = local.u32();
  local.take(2 + 2);  // version, flags
  auto local_method = local.number<std::uint16_t>();
  local.take(4 + 4 + 4 + 4);  // date, checksum, sizes: zero if they follow the data
  auto local_name_size = local.number<std::uint16_t>();
  auto local_extra_size = local.number<std::uint16_t>();
  std::string_view local_name = as_text(local.take(local_name_size));
  local.take(local_extra_size);
  if (local.failed() || magic != local_magic) return refuse("does not lie in the archive");
  if (local_name != entry.name || local_method != method) return refuse("is not what the directory says");
  if (packed > local.left()) return refuse("does not lie in the archive");
  entry.packed = local.take(packed);
  if (!entry.deflated && entry.size != packed) return refuse("has two different sizes");
  if (entry.deflated && entry.size / best_ratio > packed) return refuse("claims more bytes than it can hold");
  return entry;
}

}  // namespace

Result<std::vector<ZipEntry>> read_zip(ByteSpan archive) {
  Directory directory = TRY(find_directory(archive));
  ByteReader reader(archive.subspan(directory.offset, directory.size));
  std::vector<ZipEntry> entries;
  std::set<std::string, std::less<>> names;
  std::uint64_t packed = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    entries.push_back(TRY(read_entry(reader, archive, directory.offset)));
    if (!names.insert(entries.back().name).second) {
      return bad(fmt::format("its entry '{}' stands twice", entries.back().name));
    }
    packed += entries.back().packed.size();
    // Entries that share their data make a small archive unpack to any size.
    if (packed > archive.size()) return bad("its entries overlap");
  }
  if (reader.left() > 0) return bad("its directory has more entries than it claims");
  return entries;
}

Result<std::vector<std::byte>> unpack(const ZipEntry& entry) {
  auto refuse = [&](std::string_view reason) { return bad(fmt::format("its entry '{}' {}", entry.name, reason)); };
  std::vector<std::byte> bytes;
  if (!entry.deflated) {
    bytes.assign(entry.packed.begin(), entry.packed.end());
  } else {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return refuse("cannot be unpacked: no memory");
    ByteSpan left = entry.packed;
    int status = Z_OK;
    constexpr std::size_t step = 1u << 30;  // zlib counts in unsigned int
    while (status == Z_OK && bytes.size() <= entry.size) {
      if (stream.avail_in == 0) {
        ByteSpan part = left.first(std::min(left.size(), step));
        left = left.subspan(part.size());
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
        stream.avail_in = static_cast<uInt>(part.size());
      }
      std::size_t used = bytes.size();
      // One byte more than claimed shows a stream that holds more.
      std::uint64_t room = std::min<std::uint64_t>(std::max<std::size_t>(used, 1u << 16), entry.size + 1 - used);
      bytes.resize(used + std::min<std::uint64_t>(room, step));
      stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + used);
      stream.avail_out = static_cast<uInt>(bytes.size() - used);
      status = inflate(&stream, Z_NO_FLUSH);
      bytes.resize(bytes.size() - stream.avail_out);
      if (status == Z_BUF_ERROR && !left.empty()) status = Z_OK;
    }
    bool whole = status == Z_STREAM_END && stream.avail_in == 0 && left.empty();
    inflateEnd(&stream);
    if (!whole || bytes.size() != entry.size) return refuse("is damaged: it does not unpack");
  }
  uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc != entry.crc) return refuse("is damaged: its checksum does not match");
  return bytes;
}

void ZipWriter::add(std::string_view name, ByteSpan bytes) {
  std::uint64_t offset = out_.size();
  bool large = bytes.size() >= in_extra, far = offset >= in_extra;
  auto crc = static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  // What local header and directory have in common.
  auto describe = [&](ByteWriter& to, std::uint16_t extra_size) {
    to.number<std::uint16_t>(large || far ? 45 : 20);  // version needed
    to.number<std::uint16_t>(1 << 11);                 // names are UTF-8
    to.number<std::uint16_t>(0);                       // stored
    to.number<std::uint16_t>(0);                       // 00:00:00
    to.number<std::uint16_t>(1 << 5 | 1);              // 1980-01-01
    to.u32(crc);
    for (int i = 0; i < 2; ++i) to.u32(large ? in_extra : static_cast<std::uint32_t>(bytes.size()));
    to.number(static_cast<std::uint16_t>(name.size()));
    to.number(extra_size);
  };
  auto add_extra = [&](ByteWriter& to, bool with_offset) {
    if (!large && !with_offset) return;
    to.number<std::uint16_t>(sizes_extra);
    to.number(static_cast<std::uint16_t>((large ? 16 : 0) + (with_offset ? 8 : 0)));
    if (large) to.u64(bytes.size()), to.u64(bytes.size());
    if (with_offset) to.u64(offset);
  };
  out_.u32(local_magic);
  describe(out_, large ? 20 : 0);
  out_.append(as_bytes(name));
  add_extra(out_, false);
  out_.append(bytes);

  directory_.u32(entry_magic);
  directory_.number<std::uint16_t>(3 << 8 | 45);  // made by: Unix, version 4.5
  describe(directory_, static_cast<std::uint16_t>((large || far ? 4 : 0) + (large ? 16 : 0) + (far ? 8 : 0)));
  directory_.number<std::uint16_t>(0);  // comment
  directory_.u32(0);                    // disk, internal attributes
  directory_.u32(0100644u << 16);       // Unix mode
  directory_.u32(far ? in_extra : static_cast<std::uint32_t>(offset));
  directory_.append(as_bytes(name));
  add_extra(directory_, far);
  ++entries_;
}

std::vector<std::byte> ZipWriter::finish() {
  std::uint64_t offset = out_.size(), size = directory_.size();
  out_.append(directory_.bytes());
  bool large = offset >= in_extra || size >= in_extra || entries_ >= 0xffff;
  if (large) {
    std::uint64_t at = out_.size();
    out_.u32(end64_magic);
    out_.u64(44);                               // bytes of this record that follow
    out_.number<std::uint32_t>(45 << 16 | 45);  // versions
    out_.u64(0);                                // disks
    for (std::uint64_t value : {entries_, entries_, size, offset}) out_.u64(value);
    out_.u32(locator_magic);
    out_.u32(0);
    out_.u64(at);
    out_.u32(1);
  }
  out_.u32(end_magic);
  out_.u32(0);
  for (int i = 0; i < 2; ++i) out_.number(static_cast<std::uint16_t>(large ? 0xffff : entries_));
  out_.u32(large ? in_extra : static_cast<std::uint32_t>(size));
  out_.u32(large ? in_extra : static_cast<std::uint32_t>(offset));
  out_.number<std::uint16_t>(0);
  return std::move(out_.bytes());
}

}  // namespace modelctl
