// The pages of a mapped file, which count as our memory.
#pragma once

#include "base/bytes.hpp"

namespace modelctl {

// Releases the pages that hold these bytes: the next access maps them again from the system's page cache. Memory that
// does not map a file would lose its content.
void release_pages(ByteSpan mapped);

}  // namespace modelctl
