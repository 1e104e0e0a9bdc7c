// Bytes of requests and responses that all connections together may hold. A single limit per request does not bound the
// process: a thousand connections that each stall within an allowed body would hold a thousand times that limit.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace modelctl::serve {

// A counter that never exceeds its limit: threads compete for it by compare-and-swap, without a lock.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}

  // All of `bytes` or nothing. Any thread may call it.
  bool take(std::uint64_t bytes) {
    std::uint64_t taken = taken_;
    do {
      if (bytes > limit_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes));
    return true;
  }
  void give_back(std::uint64_t bytes) { taken_ -= bytes; }
  std::uint64_t left() const { return limit_ - taken_; }
  std::uint64_t taken() const { return taken_; }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> taken_{0};  // never above limit_
};

// What one connection holds of the budget; returned when the share ends. Its first bytes are not counted: they are
// bounded by the number of connections, and large bodies that use up the budget then cannot lock out small requests.
class MemoryShare {
 public:
  static constexpr std::uint64_t uncounted = 64 * 1024;

  explicit MemoryShare(MemoryBudget& budget) : budget_(budget) {}
  ~MemoryShare() { resize(0); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // The connection now holds `bytes` in total. Returns false when the budget does not have them: the share is then as
  // it was. Never fails to shrink.
  bool resize(std::uint64_t bytes) {
    std::uint64_t counted = counted_of(bytes);
    if (counted > counted_ && !budget_.take(counted - counted_)) return false;
    if (counted < counted_) budget_.give_back(counted_ - counted);
    counted_ = counted;
    return true;
  }
  // Whether the budget has so many bytes now. Nothing is taken: who only claims a large body must not lock out others.
  bool could_hold(std::uint64_t bytes) const {
    std::uint64_t counted = counted_of(bytes);
    return counted <= counted_ || counted - counted_ <= budget_.left();
  }

 private:
  static std::uint64_t counted_of(std::uint64_t bytes) { return bytes - std::min(bytes, uncounted); }

  MemoryBudget& budget_;
  std::uint64_t counted_ = 0;
};

}  // namespace modelctl::serve
