// Placement of buffers in the arena, with a property test over random lifetimes.
#include "runtime/arena.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace modelctl::runtime;

namespace {

// Whether no two buffers that are alive at the same time share a byte, and all lie within the whole.
bool sound(const std::vector<Lifetime>& buffers, const ArenaPlan& plan) {
  for (std::size_t a = 0; a < buffers.size(); ++a) {
    if (plan.offsets[a] % 64 != 0 || plan.offsets[a] + buffers[a].bytes > plan.bytes) return false;
    for (std::size_t b = 0; b < a; ++b) {
      bool together = buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
      bool apart = plan.offsets[a] + std::max<std::uint64_t>(buffers[a].bytes, 1) <= plan.offsets[b] ||
                   plan.offsets[b] + std::max<std::uint64_t>(buffers[b].bytes, 1) <= plan.offsets[a];
      if (together && !apart) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("buffers that are never alive together share memory") {
  auto plan = plan_arena(std::vector<Lifetime>{{100, 0, 1}, {100, 1, 2}, {100, 2, 3}});
  REQUIRE(plan);
  CHECK(plan->bytes == 256);
  CHECK(plan->offsets == std::vector<std::uint64_t>{0, 128, 0});
}

TEST_CASE("a buffer is placed in the smallest gap that fits") {
  // Two gaps are left between the three large buffers at step 5: one of 256 bytes, one of 128.
  std::vector<Lifetime> buffers{{1024, 0, 9}, {256, 0, 4}, {1000, 0, 9}, {128, 0, 4}, {900, 0, 9}, {120, 5, 6}};
  auto plan = plan_arena(buffers);
  REQUIRE(plan);
  CHECK(sound(buffers, *plan));
  CHECK(plan->bytes == 1024 + 1024 + 960 + 256 + 128);
}

TEST_CASE("no two live buffers overlap in any random plan") {
  std::mt19937 random(20240611);
  for (int round = 0; round < 300; ++round) {
    std::vector<Lifetime> buffers(random() % 40);
    std::uint64_t sum = 0;
    for (Lifetime& buffer : buffers) {
      buffer.first = random() % 30;
      buffer.last = buffer.first + random() % 8;
      buffer.bytes = random() % 4 == 0 ? 0 : random() % 5000;
      sum += (std::max<std::uint64_t>(buffer.bytes, 1) + 63) / 64 * 64;
    }
    auto plan = plan_arena(buffers);
    REQUIRE(plan);
    CHECK_MESSAGE(sound(buffers, *plan), "round " << round);
    CHECK(plan->bytes <= sum);
  }
}

TEST_CASE("sizes that cannot be added up are refused") {
  std::uint64_t huge = std::uint64_t{1} << 61;
  CHECK(!plan_arena(std::vector<Lifetime>{{huge, 0, 1}, {huge, 0, 1}, {huge, 0, 1}}));
  CHECK(!plan_arena(std::vector<Lifetime>{{~std::uint64_t{0}, 0, 1}}));
}
