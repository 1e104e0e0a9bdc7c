// Upper and lower case of single code points, the same on every machine: no locale has a say, and a letter whose other
// case is more than one code point stays as it is.
#pragma once

#include <cstdint>

namespace modelctl {

std::uint32_t upper_case(std::uint32_t letter);
std::uint32_t lower_case(std::uint32_t letter);

}  // namespace modelctl
