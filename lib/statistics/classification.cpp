// The intervals of averaged F1 follow from the influence of one sample: with n samples, s the support of a class and p
// the times that it was predicted, F1 = 2 TP / (s + p), and a sample that is expected as i and predicted as j changes
// the F1 of class c at the rate
//
//     n / (s + p) · (2·[i = j = c] − F1·([i = c] + [j = c])).
//
// The mean over all samples is 0, so that the mean of the squares is the variance (Takahashi, Yamamoto, Kuchiba and
// Koyama, Applied Intelligence 52, 2022, derive the same for the macro average).
#include "statistics/classification.hpp"

namespace modelctl::statistics {
namespace {

double ratio(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

Estimate proportion(std::uint64_t part, std::uint64_t all, double confidence) {
  if (all == 0) return {};
  return {ratio(part, all), wilson(part, all, confidence)};
}

class Scores {
 public:
  Scores(const ConfusionMatrix& matrix, double confidence) : matrix_(matrix), confidence_(confidence) {}

  Classification all() {
    count();
    if (result_.samples == 0) return {};
    result_.accuracy = proportion(result_.right, result_.samples, confidence_);
    for (auto& [index, scores] : classes_) {
      std::uint64_t right = matrix_.count(index, index), sum = scores.support + scores.predicted;
      scores.precision = proportion(right, scores.predicted, confidence_);
      scores.recall = proportion(right, scores.support, confidence_);
      scores.f1 = {ratio(2 * right, sum), f1_interval(right, sum - 2 * right, confidence_)};
    }
    auto share = 1 / static_cast<double>(classes_.size());
    result_.macro = average([&](const ClassScores&) { return share; }, false);
    result_.weighted = average([&](const ClassScores& scores) { return ratio(scores.support, result_.samples); }, true);
    for (const auto& [index, scores] : classes_) result_.classes.push_back(scores);
    return std::move(result_);
  }

 private:
  void count() {
    for (const auto& [cell, count] : matrix_.cells()) {
      result_.samples += count;
      if (cell.first == cell.second) result_.right += count;
      classes_[cell.first].support += count;
      classes_[cell.second].predicted += count;
    }
    for (auto& [index, scores] : classes_) scores.index = index;
  }

  // If the weights are the shares of the classes among the samples, they vary with the samples too.
  template <class Weight>
  AverageScores average(Weight weight, bool weights_vary) const {
    AverageScores sum;
    for (const auto& [index, scores] : classes_) {
      sum.precision += weight(scores) * scores.precision.value;
      sum.recall += weight(scores) * scores.recall.value;
      sum.f1.value += weight(scores) * scores.f1.value;
    }
    double variance = 0;
    for (const auto& [cell, count] : matrix_.cells()) {
      const ClassScores &expected = classes_.at(cell.first), &predicted = classes_.at(cell.second);
      bool right = cell.first == cell.second;
      double influence = weight(expected) * rate(expected) * ((right ? 2 : 0) - expected.f1.value) -
                         weight(predicted) * rate(predicted) * predicted.f1.value;
      if (weights_vary) influence += expected.f1.value - sum.f1.value;
      variance += ratio(count, result_.samples) * influence * influence;
    }
    sum.f1.interval = normal_interval(sum.f1.value, variance, result_.samples, {0, 1}, confidence_);
    return sum;
  }

  double rate(const ClassScores& scores) const { return ratio(result_.samples, scores.support + scores.predicted); }

  const ConfusionMatrix& matrix_;
  double confidence_;
  std::map<std::size_t, ClassScores> classes_;
  Classification result_;
};

}  // namespace

Classification classification(const ConfusionMatrix& matrix, double confidence) {
  return Scores(matrix, confidence).all();
}

}  // namespace modelctl::statistics
