// The quantile is found by Newton's method with the error function of the C library, which is exact to the last digits.
#include "statistics/intervals.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace modelctl::statistics {

// Solves for the smaller tail, which has all its digits. Above 0 the distribution function is concave, so each step
// from 0 stays below the solution: it always converges.
double normal_quantile(double p) {
  MODELCTL_CHECK(p > 0 && p < 1, "a probability is within (0, 1)");
  double tail = std::min(p, 1 - p), x = 0;
  for (int step = 0; step < 100; ++step) {
    double above = std::erfc(x / std::numbers::sqrt2) / 2;
    double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    double next = x + (above - tail) / density;
    if (!(next > x)) break;
    x = next;
  }
  return p < 0.5 ? -x : x;
}

namespace {

double z_of(double confidence) { return normal_quantile((1 + confidence) / 2); }

}  // namespace

Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  MODELCTL_CHECK(successes <= trials, "no more successes than trials");
  if (trials == 0) return {0, 1};
  auto n = static_cast<double>(trials);
  double z = z_of(confidence), p = static_cast<double>(successes) / n;
  double middle = p + z * z / (2 * n), reach = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
         all = 1 + z * z / n;
  // The end at 0 or 1 is exact: rounding must not exclude the value itself.
  return {successes == 0 ? 0 : (middle - reach) / all, successes == trials ? 1 : (middle + reach) / all};
}

Interval f1_interval(std::uint64_t true_positives, std::uint64_t false_ones, double confidence) {
  Interval j = wilson(true_positives, true_positives + false_ones, confidence);
  return {2 * j.low / (1 + j.low), 2 * j.high / (1 + j.high)};
}

std::optional<Interval> normal_interval(double value, double variance, std::uint64_t n, Interval range,
                                        double confidence) {
  if (n < fewest_for_normal) return std::nullopt;
  double reach = z_of(confidence) * std::sqrt(variance / static_cast<double>(n));
  return Interval{std::max(value - reach, range.low), std::min(value + reach, range.high)};
}

}  // namespace modelctl::statistics
