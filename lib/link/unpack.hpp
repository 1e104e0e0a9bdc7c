// The templates are in the binary as gzip packed them.
#pragma once

#include "base/bytes.hpp"

#include <vector>

namespace modelctl::link {

// What a gzip file of one member holds; the file was made with this build, so it must be whole.
std::vector<std::byte> unpacked(ByteSpan gzip);

}  // namespace modelctl::link
