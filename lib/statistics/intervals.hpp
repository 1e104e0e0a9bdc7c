// Confidence intervals in closed form. There is no resampling, and so no seed: the same counts give the same interval,
// and gates and monitoring can compute one at each step from sums that they keep.
#pragma once

#include <cstdint>
#include <optional>

namespace modelctl::statistics {

inline constexpr double default_confidence = 0.95;

struct Interval {
  double low = 0, high = 0;
};

// A metric with the interval that holds its true value with the given confidence. No interval: there are too few
// samples for one, or none is defined.
struct Estimate {
  double value = 0;
  std::optional<Interval> interval = {};
};

// The x for which a standard normal variable is below x with probability p; p must be within (0, 1).
double normal_quantile(double p);

// Wilson's score interval of a proportion, successes of trials (Wilson 1927; Brown, Cai and DasGupta 2001 recommend
// it). Unlike value ± z·sd it stays within [0, 1] and is right near 0 and 1 and for few trials. Without trials it is
// [0, 1].
Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence);

// The interval of F1 = 2 TP / (2 TP + FP + FN). F1 is 2 J / (1 + J), which grows with J = TP / (TP + FP + FN), a
// proportion: the ends are those of Wilson's interval of J.
Interval f1_interval(std::uint64_t true_positives, std::uint64_t false_ones, double confidence);

// value ± z·sqrt(variance / n), where `variance` is that of the influence of one sample on the metric (the delta
// method; Huber and Ronchetti, Robust Statistics, 2009, chapter 1), cut to [lowest, highest]. Nothing for fewer than
// `fewest_for_normal` samples: the normal distribution does not approximate those, and the interval would be too
// narrow.
std::optional<Interval> normal_interval(double value, double variance, std::uint64_t n, Interval range,
                                        double confidence);

inline constexpr std::uint64_t fewest_for_normal = 30;

}  // namespace modelctl::statistics
