// The pages of a mapped file, which count as our memory.
#pragma once

#include "base/bytes.hpp"

namespace modelctl {

// Lets go of the pages that hold these bytes: whoever needs them again finds them in the system's cache. Memory that is
// no mapping of a file would lose its content.
void forget_pages(ByteSpan mapped);

}  // namespace modelctl
