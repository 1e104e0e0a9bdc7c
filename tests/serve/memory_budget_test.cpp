// The shared memory budget of all connections.
#include "serve/memory_budget.hpp"

#include <doctest/doctest.h>

using namespace modelctl::serve;

TEST_CASE("what exceeds the budget is refused, and what ends is free again") {
  MemoryBudget budget(1000);
  {
    MemoryShare first(budget), second(budget);
    CHECK(first.resize(MemoryShare::uncounted + 600));
    CHECK_FALSE(second.resize(MemoryShare::uncounted + 401));
    CHECK(second.resize(MemoryShare::uncounted + 400));
    CHECK_FALSE(first.resize(MemoryShare::uncounted + 601));
    CHECK(first.resize(100));
    CHECK(budget.taken() == 400);
  }
  CHECK(budget.taken() == 0);
}

TEST_CASE("a small share does not count, so that large ones cannot lock it out") {
  MemoryBudget budget(0);
  MemoryShare share(budget);
  CHECK(share.resize(MemoryShare::uncounted));
  CHECK_FALSE(share.resize(MemoryShare::uncounted + 1));
  CHECK_FALSE(share.resize(~std::uint64_t{0}));
}
