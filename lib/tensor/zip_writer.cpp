// The writer of ZIP archives. Equal contents are equal bytes, whatever the program, the machine and its time zone.
#include "tensor/zip_writer.hpp"

#include <zlib.h>

namespace modelctl {
namespace {

constexpr std::uint32_t local_magic = 0x04034b50, entry_magic = 0x02014b50, end_magic = 0x06054b50;
constexpr std::uint32_t end64_magic = 0x06064b50, locator_magic = 0x07064b50;
constexpr std::uint16_t sizes_extra = 1;  // the extra field that holds ZIP64 sizes
constexpr std::uint32_t in_extra = 0xffffffff;

}  // namespace

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
