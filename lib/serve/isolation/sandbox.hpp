// What a worker process may still do once it has loaded its model: compute, on the memory and the descriptors that it
// has. docs/explanation/decisions/workers-are-processes.md lists what it may not.
#pragma once

#include "base/result.hpp"

#include <cstdint>

namespace modelctl::serve {

// Before anything of the model is read: the process dies with the thread that started it, writes no core file, and can
// gain no privileges. `nice` is added to its priority.
Result<void> restrict_process(int nice);

// From now on all threads of the process are limited to `memory_bytes` of memory of their own beyond what they have now
// (0: no limit), which makes allocations fail; and to the system calls that computing takes. Opening a file fails with
// EACCES. What only an attacker would try (sockets, programs, processes, executable memory) kills the process with
// SIGSYS. No thread can be started. It cannot be undone.
Result<void> enter_sandbox(std::uint64_t memory_bytes);

}  // namespace modelctl::serve
