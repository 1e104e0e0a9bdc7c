// String constants in the weights: a u32 length and that many bytes each.
#pragma once

#include "base/bytes.hpp"

#include <optional>

namespace modelctl::artifact {

// No terminator and no encoding is assumed: a string may hold zeros, and what is not UTF-8 stays as it is.
std::vector<std::byte> encode_strings(std::span<const std::string> strings);
// Nothing if the bytes do not hold exactly `count` of them.
std::optional<std::vector<std::string>> decode_strings(ByteSpan bytes, std::uint64_t count);

}  // namespace modelctl::artifact
