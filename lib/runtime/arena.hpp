// The memory plan: where each buffer of a run lies in the arena. A pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace modelctl::runtime {

// A buffer that is in use from step `first` to step `last`, both included.
struct Lifetime {
  std::uint64_t bytes;
  std::uint32_t first;
  std::uint32_t last;
};

struct ArenaPlan {
  std::vector<std::uint64_t> offsets;  // of each buffer, multiples of 64
  std::uint64_t bytes = 0;             // of the whole
};

// Largest first, each into the smallest gap that the buffers alive at the same time leave. Nothing if the sum would
// exceed 2^62 bytes.
std::optional<ArenaPlan> plan_arena(std::span<const Lifetime> buffers);

}  // namespace modelctl::runtime
