// UTF-8 to code points and back, strictly as in RFC 3629: no surrogates, nothing above U+10FFFF, no overlong forms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelctl {

// Appends one code point. Returns false and appends nothing if the number is not a valid code point.
bool append_utf8(std::string& out, std::uint32_t code_point);
// The code points of a text, or nullopt if it is not UTF-8.
std::optional<std::u32string> from_utf8(std::string_view text);
bool is_utf8(std::string_view text);
// The text with U+FFFD in place of each byte that does not belong to a character.
std::string to_utf8(std::string_view text);

}  // namespace modelctl
