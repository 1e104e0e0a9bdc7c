// The texts of headers' values (RFC 9110, section 5.6).
#pragma once

#include <string_view>

namespace modelctl::serve {

// Whether two texts are equal, ignoring the case of ASCII letters.
bool same_text(std::string_view a, std::string_view b);

// Without the spaces and tabs around it.
std::string_view trimmed(std::string_view text);

}  // namespace modelctl::serve
