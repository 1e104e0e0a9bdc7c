// Describes how a header differs from the expected one. Headers are compared byte by byte; only for the message they are parsed.
#include "package/archive_internal.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::package {
namespace {

std::optional<std::uint64_t> read_octal(std::string_view digits) {
  std::uint64_t value = 0;
  for (char digit : digits) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::string_view kind_of_entry(char type) {
  switch (type) {
    case '1': return "a hard link";
    case '2': return "a symbolic link";
    case '3':
    case '4': return "a device";
    case '5': return "a folder";
    case '6': return "a pipe";
    case 'x':
    case 'g': return "an extension header";
    case 'K':
    case 'L': return "a GNU long name";
    case 'S': return "a sparse file";
    case '0':
    case '\0': return "a file";
    default: return "an entry of an unknown kind";
  }
}

// The name field as it may be shown.
std::string shown_name(std::string_view block) {
  std::string name(block.substr(0, std::min<std::size_t>(block.find('\0'), 100)));
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return name;
}

std::string describe(std::string_view found, std::string_view expected) {
  if (all_zero(as_bytes(found.substr(0, tar_block)))) return "the archive ends there";
  if (found.substr(257, 5) != "ustar") return "no tar header stands there";
  char type = found[156];
  std::string name = shown_name(found);
  if (type != expected[156] || name != shown_name(expected))
    return fmt::format("{} '{}' stands there", kind_of_entry(type), name);
  auto size = read_octal(found.substr(124, 11)), due = read_octal(expected.substr(124, 11));
  if (size && size != due) return fmt::format("its size there is {} and not {}", *size, *due);
  return "its header is not to the byte what modelctl writes";
}

}  // namespace

Error bad_archive(std::uint64_t at, std::string_view path, std::string reason) {
  return Error(Kind::bad_input, "altered-archive", "cannot use the package: its archive is not as it was packed")
      .at(path.empty() ? fmt::format("byte {}", at) : fmt::format("byte {}, where '{}' is due", at, path))
      .because(std::move(reason));
}

Error in_file(const std::filesystem::path& path, Error error) {
  bool content = error.kind == Kind::bad_input || error.kind == Kind::untrusted || error.kind == Kind::unsupported;
  if (!content || error.where.starts_with(path.string())) return error;
  error.where = error.where.empty() ? path.string() : fmt::format("{}: {}", path.string(), error.where);
  return error;
}

Result<DocumentHeader> read_document_header(ByteSpan block, std::uint64_t at, std::string_view path,
                                            std::uint64_t limit) {
  std::string_view text = as_text(block);
  auto size = read_octal(text.substr(124, 11)), timestamp = read_octal(text.substr(136, 11));
  DocumentHeader header{size.value_or(0), timestamp.value_or(0)};
  std::string expected = tar_header(path, header.size, 0644, header.timestamp);
  if (text != expected) return bad_archive(at, path, describe(text, expected));
  if (header.size > limit) {
    return bad_archive(at, path, fmt::format("it claims {} bytes, and {} are the most", header.size, limit));
  }
  return header;
}

Result<void> check_header(ByteSpan found, const std::string& expected, const Slot& slot) {
  if (as_text(found) == expected) return {};
  return bad_archive(slot.header_at, slot.path, describe(as_text(found), expected));
}

Result<void> check_zeros(ByteSpan bytes, std::uint64_t at, std::string_view path) {
  if (all_zero(bytes)) return {};
  return bad_archive(
      at, {},
      path.empty() ? "something follows the last entry" : fmt::format("the padding after '{}' is not zero", path));
}

Result<void> check_timestamp(const Manifest& manifest, std::uint64_t timestamp) {
  if (manifest.timestamp == timestamp) return {};
  return bad_archive(136, manifest_path, fmt::format("its time there is {} and not {}", timestamp, manifest.timestamp));
}

}  // namespace modelctl::package
