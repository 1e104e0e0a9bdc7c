// What a crash leaves behind.
#pragma once

namespace modelctl {

// From now on until the process ends, a crash writes no core dump, and other processes of the user cannot attach to
// this one or read its memory. Called when a private key or passphrase comes into memory; it is not undone when that is
// wiped, because libraries may have made copies of it.
void forbid_core_dumps();

}  // namespace modelctl
