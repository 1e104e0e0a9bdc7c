// Metrics of a classifier that chooses one class for each sample, equal to those of sklearn.metrics with
// zero_division=0. All are computed from the confusion matrix, which can be filled sample by sample.
#pragma once

#include "statistics/intervals.hpp"

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace modelctl::statistics {

// How often a class was predicted when another, or the same, was expected. Classes are any indices. Only pairs that
// occur take memory, so a model of 100,000 classes is fine.
class ConfusionMatrix {
 public:
  void add(std::size_t expected, std::size_t predicted) { ++cells_[{expected, predicted}]; }

  std::uint64_t count(std::size_t expected, std::size_t predicted) const {
    auto found = cells_.find({expected, predicted});
    return found == cells_.end() ? 0 : found->second;
  }
  // (expected, predicted) -> samples, in ascending order.
  const std::map<std::pair<std::size_t, std::size_t>, std::uint64_t>& cells() const { return cells_; }

 private:
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> cells_;
};

// Of one class, against all others: TP are its samples that were recognized, FN its other samples, FP other samples
// that were taken for it.
struct ClassScores {
  std::size_t index = 0;
  std::uint64_t support = 0;    // samples of the class: TP + FN
  std::uint64_t predicted = 0;  // times that it was predicted: TP + FP
  Estimate precision;           // TP / (TP + FP), with Wilson's interval
  Estimate recall;              // TP / (TP + FN), with Wilson's interval
  Estimate f1;                  // 2 TP / (2 TP + FP + FN), with f1_interval()

  // A quotient without samples is 0, without an interval.
  bool precision_defined() const { return predicted > 0; }
  bool recall_defined() const { return support > 0; }
};

struct AverageScores {
  double precision = 0, recall = 0;
  Estimate f1;  // with normal_interval(); the variance is 0 if all samples are right, and the interval is [1, 1] then
};

struct Classification {
  std::uint64_t samples = 0, right = 0;
  Estimate accuracy;                 // right / samples, with Wilson's interval
  std::vector<ClassScores> classes;  // that were expected or predicted at least once, ascending
  AverageScores macro;               // mean over `classes`
  AverageScores weighted;            // mean over `classes`, weighted by their support
  // The micro averages of precision, recall and F1 are all the accuracy, because each sample has one class.
};

// All zero, without intervals and classes, if the matrix is empty.
Classification classification(const ConfusionMatrix& matrix, double confidence = default_confidence);

}  // namespace modelctl::statistics
