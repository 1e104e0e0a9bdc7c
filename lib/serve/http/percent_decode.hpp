// The path of a request without percent-encoding (RFC 3986, section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace modelctl::serve {

// Decoded once: "%2541" is "%41". What is not an escape stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace modelctl::serve
