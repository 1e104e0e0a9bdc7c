// The C library's allocator, as a server wants it.
#pragma once

namespace modelctl::serve {

// Lets the allocator keep what is freed for the requests that follow. Any thread, once, before there is load.
void keep_freed_memory();

}  // namespace modelctl::serve
