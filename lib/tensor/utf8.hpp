// UTF-8 and code points: no surrogates, nothing beyond U+10FFFF, no overlong forms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelctl {

// Appends one code point; false, with nothing appended, where it is none.
bool append_utf8(std::string& out, std::uint32_t code_point);
// The code points, or nullopt where the text is not UTF-8.
std::optional<std::u32string> from_utf8(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace modelctl
