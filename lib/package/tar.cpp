// Computes headers and offsets from manifest and sizes alone.
#include "package/tar.hpp"

#include "base/check.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::package {
namespace {

constexpr std::size_t name_size = 100;                       // the name field
constexpr std::uint64_t octal_size_limit = 077777777777ull;  // the size field: 8 GiB - 1

void put(std::string& block, std::size_t at, std::string_view value) { block.replace(at, value.size(), value); }
void put_octal(std::string& block, std::size_t at, int digits, std::uint64_t value) {
  put(block, at, fmt::format("{:0{}o}", value, digits));
}

// POSIX.1-2008 ustar: offsets of name 0, mode 100, uid 108, gid 116, size 124, mtime 136, checksum 148, type 156,
// magic 257, version 263. Owner names and device numbers stay zero.
std::string ustar_block(std::string_view path, std::uint64_t size, unsigned mode, std::uint64_t timestamp, char type) {
  std::string block(tar_block, '\0');
  put(block, 0, path.substr(0, name_size));
  put_octal(block, 100, 7, mode);
  put_octal(block, 108, 7, 0);
  put_octal(block, 116, 7, 0);
  put_octal(block, 124, 11, size);
  put_octal(block, 136, 11, timestamp);
  block[156] = type;
  put(block, 257, std::string_view("ustar\00000", 8));
  put_octal(block, 329, 7, 0);
  put_octal(block, 337, 7, 0);
  // The checksum is over the block with its own field full of spaces.
  unsigned sum = 8 * ' ';
  for (char byte : block) sum += static_cast<unsigned char>(byte);
  put_octal(block, 148, 6, sum);
  block[155] = ' ';
  return block;
}

// "<length> <key>=<value>\n", where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  length = rest + std::to_string(length).size();
  return fmt::format("{} {}={}\n", length, key, value);
}

}  // namespace

std::string tar_header(std::string_view path, std::uint64_t size, unsigned mode, std::uint64_t timestamp) {
  MODELCTL_CHECK(timestamp <= timestamp_limit, "a timestamp has more digits than a tar header");
  std::string records;
  if (path.size() > name_size) records += pax_record("path", path);
  if (size > octal_size_limit) records += pax_record("size", std::to_string(size));
  std::string header;
  if (!records.empty()) {
    header = ustar_block(fmt::format("pax/{}", path), records.size(), 0644, timestamp, 'x') + records;
    header.resize(header.size() + tar_padding(records.size()), '\0');
  }
  return header + ustar_block(path, size > octal_size_limit ? 0 : size, mode, timestamp, '0');
}

Layout::Layout(const Manifest& manifest, std::uint64_t manifest_size, std::uint64_t bundle_size)
    : timestamp_(manifest.timestamp) {
  slots_.reserve(manifest.entries.size() + 2);
  place(std::string(manifest_path), manifest_size, 0644);
  place(std::string(bundle_path), bundle_size, 0644);
  for (const Entry& entry : manifest.entries) place(entry.path, entry.size, entry.mode());
}

void Layout::place(std::string path, std::uint64_t size, unsigned mode) {
  std::uint64_t header_at = slots_.empty() ? 0 : slots_.back().end;
  std::uint64_t at = header_at + tar_header(path, size, mode, timestamp_).size();
  slots_.push_back({std::move(path), size, mode, header_at, at, at + size + tar_padding(size)});
}

std::string Layout::head(std::string_view manifest, std::string_view bundle) const {
  MODELCTL_CHECK(manifest.size() == slots_[0].size && bundle.size() == slots_[1].size, "the layout is for other sizes");
  std::string bytes = header(slots_[0]);
  bytes += manifest;
  bytes.resize(slots_[0].end, '\0');
  bytes += header(slots_[1]);
  bytes += bundle;
  bytes.resize(slots_[1].end, '\0');
  return bytes;
}

}  // namespace modelctl::package
