// Upper and lower case of single code points, independent of locale and C library, so that results are the same on
// every machine. A letter whose other case is more than one code point ("ß") is left unchanged.
#pragma once

#include <cstdint>

namespace modelctl {

std::uint32_t upper_case(std::uint32_t letter);
std::uint32_t lower_case(std::uint32_t letter);

}  // namespace modelctl
