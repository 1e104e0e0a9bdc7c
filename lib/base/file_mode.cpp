// The umask can only be read by setting it. It is restrictive in between: a file that another thread creates at that
// moment gets a mode that is too strict, never one that is too open.
#include "base/file_mode.hpp"

#include <sys/stat.h>

namespace modelctl {

unsigned allowed_mode(unsigned mode) {
  mode_t mask = ::umask(077);
  ::umask(mask);
  return mode & ~mask;
}

}  // namespace modelctl
