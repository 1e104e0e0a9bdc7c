// madvise takes whole pages, so the range is extended to where its first page begins. Neighbors on that page are
// dropped as well, which costs them one page fault and no content.
#include "base/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <cstdint>

namespace modelctl {

void release_pages(ByteSpan mapped) {
  if (mapped.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data());
  const std::uintptr_t first = begin / page * page;
  ::madvise(reinterpret_cast<void*>(first), begin + mapped.size() - first, MADV_DONTNEED);
}

}  // namespace modelctl
