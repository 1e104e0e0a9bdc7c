// Kept out of line so that a check costs its caller one comparison and a call that is never taken.
#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace modelctl {

void check_failed(const char* condition, const char* message, const char* file, int line) {
  std::fprintf(stderr,
               "modelctl: this is a bug: %s\n  --> %s:%d: %s\n   = help: please report it with the command you ran\n",
               message, file, line, condition);
  std::abort();
}

}  // namespace modelctl
