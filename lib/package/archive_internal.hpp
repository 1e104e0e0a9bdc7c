// What the two readers of archives share: the streaming one and the mapped one. Errors are bad_input.
#pragma once

#include "package/tar.hpp"

#include <filesystem>

namespace modelctl::package {

Error bad_archive(std::uint64_t at, std::string_view path, std::string reason);

// The error with the file that it is in put before its place, if it is about the content and has no path yet.
Error in_file(const std::filesystem::path& path, Error error);

// The size and timestamp that the header of one of the two documents in front claims.
struct DocumentHeader {
  std::uint64_t size;
  std::uint64_t timestamp;
};
Result<DocumentHeader> read_document_header(ByteSpan block, std::uint64_t at, std::string_view path,
                                            std::uint64_t limit);

// Fails unless `found` is the header that the slot must have; says what stands there instead.
Result<void> check_header(ByteSpan found, const std::string& expected, const Slot& slot);
Result<void> check_zeros(ByteSpan bytes, std::uint64_t at, std::string_view path);
// Fails unless each timestamp is the manifest's.
Result<void> check_timestamp(const Manifest& manifest, std::uint64_t timestamp);

}  // namespace modelctl::package
