// Decompresses an embedded template with zlib. The input is part of this binary, so an error is a bug.
#include "link/unpack.hpp"

#include "base/check.hpp"

#include <zlib.h>

namespace modelctl::link {

std::vector<std::byte> unpacked(ByteSpan gzip) {
  MODELCTL_CHECK(gzip.size() >= 18, "a template in the binary is a gzip file");
  std::vector<std::byte> bytes(ByteReader(gzip.last(4)).u32());  // it ends with the size of what it holds
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  int status = inflateInit2(&stream, 16 + MAX_WBITS);  // 16: gzip's header and checksum
  if (status == Z_OK) status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  MODELCTL_CHECK(status == Z_STREAM_END && stream.avail_out == 0, "a template in the binary is whole");
  return bytes;
}

}  // namespace modelctl::link
