// RLIMIT_CORE would not be enough: the kernel ignores it if a core dump is piped to a program, as systemd sets it
// up.
#include "base/core_dumps.hpp"

#include <sys/prctl.h>

namespace modelctl {

void forbid_core_dumps() { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

}  // namespace modelctl
