// Random numbers for the run halves: number i is a function of the seed and i alone, so that a tensor is the same
// on every machine and however its computation is split. The generator is SplitMix64 (Steele, Lea and Flood, 2014),
// whose state after i steps is its key plus i times a constant.
#pragma once

#include "ops/reference/run.hpp"

#include <bit>
#include <cmath>

namespace modelctl::ops {

class RandomSamples {
 public:
  // By attribute `seed`. A node without one gets one when the model is built (passes/seed_random.cpp), so that two
  // nodes differ; elsewhere it is 0.
  explicit RandomSamples(const Attributes& attributes)
      : key_(mix(std::bit_cast<std::uint32_t>(attributes.number("seed")))) {}

  // In [0, 1).
  double uniform(std::int64_t i) const {
    return static_cast<double>(mix(key_ + static_cast<std::uint64_t>(i + 1) * step) >> 11) * 0x1p-53;
  }
  // Of mean 0 and variance 1, by Box and Muller's transformation of two uniform ones.
  double normal(std::int64_t i) const {
    constexpr double circle = 6.283185307179586;
    return std::sqrt(-2 * std::log(1 - uniform(2 * i))) * std::cos(circle * uniform(2 * i + 1));
  }

 private:
  static constexpr std::uint64_t step = 0x9e3779b97f4a7c15;
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t key_;
};

}  // namespace modelctl::ops
