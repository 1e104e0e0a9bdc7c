// By default glibc returns the top of each thread's heap when 128 KiB of it are free, which a body of 64 KiB and its
// tensors are: each request then has its pages taken away and faulted in again, which takes longer than a small model.
// It raises both limits itself, to these, once a program has freed blocks so large (mallopt(3), M_MMAP_THRESHOLD).
#include "serve/allocator.hpp"

#include <malloc.h>

namespace modelctl::serve {

void keep_freed_memory() {
  constexpr int bytes = 32 * 1024 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, bytes);
  ::mallopt(M_TRIM_THRESHOLD, bytes);
}

}  // namespace modelctl::serve
