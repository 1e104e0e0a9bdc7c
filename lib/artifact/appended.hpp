// An artifact inside a program or shared library: appended to the ELF file, which the loader does not mind.
//
//   program    padded with zeros to a multiple of 4096
//   artifact   the file's bytes; its weights begin on a page, so they are mapped and not read
//   footer     32 bytes: magic, version, 0, offset and size of the artifact
#pragma once

#include "artifact/artifact.hpp"

#include <array>

namespace modelctl::artifact {

inline constexpr std::size_t footer_bytes = 32;

// Where an artifact may begin behind a program of this size.
std::uint64_t appended_offset(std::uint64_t program_bytes);
std::array<std::byte, footer_bytes> make_footer(std::uint64_t offset, std::uint64_t size);

// Whether a file whose last bytes these are ends in an artifact.
bool ends_in_artifact(ByteSpan last);

// The artifact inside a file, mapped. Fails with not_found (code "no-artifact-inside") if the file ends in none, and
// as open() does if it is damaged. `name` is the program's, for messages.
Result<Artifact> open_appended(const std::filesystem::path& path, std::string_view name);

}  // namespace modelctl::artifact
