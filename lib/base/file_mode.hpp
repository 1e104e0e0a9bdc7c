// The umask, for files that are created private and get their mode when they are complete.
#pragma once

namespace modelctl {

// `mode` as the umask of the process restricts it.
unsigned allowed_mode(unsigned mode);

}  // namespace modelctl
