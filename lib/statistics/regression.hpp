// Metrics of a model that predicts numbers, equal to those of sklearn.metrics. Several numbers per sample count alike:
// each metric is the mean of those of the columns (multioutput="uniform_average").
#pragma once

#include "statistics/intervals.hpp"

#include <cstddef>
#include <span>

namespace modelctl::statistics {

// With e = predicted − expected, over n samples. MAE and RMSE have the unit of the target, R² has none. The intervals
// are normal_interval()s, with these influences of a sample on the metric:
struct Regression {
  std::uint64_t samples = 0;
  Estimate mae;   // Σ|e| / n                            |e| − MAE
  Estimate rmse;  // sqrt(Σe² / n)                       (e² − MSE) / (2 RMSE)
  Estimate r2;    // 1 − Σe² / Σ(expected − mean)²       (1 − R²)·(d² − D) / D − (e² − MSE) / D
                  //                                     with d = expected − mean, D the mean of d²
  // False if a column of the target is constant. As in scikit-learn, such a column counts as 1 if all predictions are
  // exact, else as 0; R² has no interval then. One sample is a constant target too (scikit-learn returns NaN for it).
  // The values are compared with each other: scikit-learn compares a sum of squares with 0, which rounding may miss.
  bool r2_defined = false;
};

// Both in row-major order, `columns` numbers per sample; neither may hold NaN or infinities (the metrics would be NaN).
// All zero without samples.
Regression regression(std::span<const double> expected, std::span<const double> predicted, std::size_t columns = 1,
                      double confidence = default_confidence);

}  // namespace modelctl::statistics
