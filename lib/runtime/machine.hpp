// What this process may use of the machine: its affinity mask and its control groups honored.
#pragma once

#include <cstdint>

namespace modelctl::runtime {

int usable_cpus();
// In bytes.
std::uint64_t usable_memory();

}  // namespace modelctl::runtime
