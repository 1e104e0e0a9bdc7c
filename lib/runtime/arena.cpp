// Placing buffers, each alive during an interval of steps, in the least memory is dynamic storage allocation, which is
// NP-hard. Largest first, into the smallest gap that fits, is the usual approximation: the buffers whose misplacement
// would cost most meet an empty arena, and small ones fill the gaps that are left. On the networks in tests/models it
// comes within a few percent of the lower bound, the most bytes that are alive at any step. The time is quadratic in
// the buffers of a segment, some hundreds, and is spent once for each set of input sizes.
//
// The invariant: two buffers that are alive at the same step do not overlap. Nothing else protects a kernel's operands
// from each other, so tests/runtime/arena_test.cpp checks it on random lifetimes.
#include "runtime/arena.hpp"

#include <algorithm>
#include <numeric>

namespace modelctl::runtime {
namespace {

constexpr std::uint64_t alignment = 64;
constexpr std::uint64_t limit = std::uint64_t{1} << 62;

// An empty buffer takes memory too: its address is a buffer's like any other.
std::uint64_t rounded(std::uint64_t bytes) {
  return (std::max<std::uint64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
}

}  // namespace

std::optional<ArenaPlan> plan_arena(std::span<const Lifetime> buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].bytes > buffers[b].bytes; });

  ArenaPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<std::size_t> placed;  // by offset
  for (std::size_t index : order) {
    const Lifetime& buffer = buffers[index];
    if (buffer.bytes > limit) return std::nullopt;
    std::uint64_t size = rounded(buffer.bytes);
    std::uint64_t end = 0;  // of those below that are alive at the same time
    std::uint64_t best_gap = ~std::uint64_t{0};
    std::uint64_t best = 0;
    for (std::size_t other : placed) {
      if (buffers[other].last < buffer.first || buffers[other].first > buffer.last) continue;
      std::uint64_t offset = plan.offsets[other];
      if (offset > end && offset - end >= size && offset - end < best_gap) {
        best_gap = offset - end;
        best = end;
      }
      end = std::max(end, offset + rounded(buffers[other].bytes));
    }
    std::uint64_t offset = best_gap == ~std::uint64_t{0} ? end : best;
    if (offset > limit - size) return std::nullopt;
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + size);
    auto at = std::upper_bound(placed.begin(), placed.end(), offset,
                               [&](std::uint64_t value, std::size_t other) { return value < plan.offsets[other]; });
    placed.insert(at, index);
  }
  return plan;
}

}  // namespace modelctl::runtime
