// The thread pool, mostly for the thread sanitizer.
#include "runtime/thread_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

using namespace modelctl::runtime;

TEST_CASE("a pool runs each tile once, whatever the number of threads and tiles") {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (int tiles : {0, 1, 2, 3, 100, 1000}) {
      std::vector<int> runs(static_cast<std::size_t>(tiles));
      pool.for_each_tile(tiles, [&](std::int64_t tile) { ++runs[static_cast<std::size_t>(tile)]; });
      CHECK(std::accumulate(runs.begin(), runs.end(), 0) == tiles);
    }
  }
}

TEST_CASE("what the tiles of one call wrote is there for the next") {
  ThreadPool pool(3);
  std::vector<std::int64_t> sums(64);
  for (int round = 0; round < 500; ++round) {
    pool.for_each_tile(64, [&](std::int64_t tile) { sums[static_cast<std::size_t>((tile + round) % 64)] += 1; });
  }
  for (std::int64_t sum : sums) CHECK(sum == 500);
}

TEST_CASE("several callers share a pool") {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int> total{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        std::atomic<int> mine{0};
        pool.for_each_tile(20, [&](std::int64_t) { mine.fetch_add(1); });
        total += mine;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 100 * 20);
}

TEST_CASE("pools come and go, used or not") {
  for (int i = 0; i < 50; ++i) ThreadPool unused(4);
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(4);
    pool.for_each_tile(4, [](std::int64_t) {});
  }
}

TEST_CASE("a pool of no stated size has at least the caller") {
  CHECK(ThreadPool::default_threads() >= 1);
  CHECK(ThreadPool().threads() == ThreadPool::default_threads());
}
