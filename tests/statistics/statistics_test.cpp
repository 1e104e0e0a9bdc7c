// Metrics against reference.json, which reference.py makes with scikit-learn and SciPy, and the cases that those leave
// open: no samples, undefined quotients, intervals. Coverage of the intervals is measured on random samples of a fixed
// seed.
#include "base/files.hpp"
#include "base/json.hpp"
#include "statistics/classification.hpp"
#include "statistics/regression.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <random>

using namespace modelctl;
using namespace modelctl::statistics;

namespace {

const Json& reference() {
  static const Json document = [] {
    auto text = read_text_file(MODELCTL_REFERENCE);
    REQUIRE(text);
    auto json = parse_json(*text, MODELCTL_REFERENCE);
    REQUIRE(json);
    return *json;
  }();
  return document;
}

void check_near(double value, const Json& expected) {
  CHECK(std::abs(value - expected.get<double>()) <= 1e-12 * std::max(1.0, std::abs(expected.get<double>())));
}

void check_within(const Estimate& estimate) {
  REQUIRE(estimate.interval);
  CHECK(estimate.interval->low <= estimate.value);
  CHECK(estimate.value <= estimate.interval->high);
}

ConfusionMatrix matrix_of(const std::vector<std::size_t>& expected, const std::vector<std::size_t>& predicted) {
  ConfusionMatrix matrix;
  for (std::size_t i = 0; i < expected.size(); ++i) matrix.add(expected[i], predicted[i]);
  return matrix;
}

}  // namespace

TEST_CASE("the metrics of classifiers are those of scikit-learn") {
  for (const Json& item : reference().at("classification")) {
    INFO(item.at("name").get<std::string>());
    auto matrix = matrix_of(item.at("expected"), item.at("predicted"));
    auto scores = classification(matrix);
    check_near(scores.accuracy.value, item.at("accuracy"));
    REQUIRE(scores.classes.size() == item.at("classes").size());
    for (std::size_t i = 0; i < scores.classes.size(); ++i) {
      const ClassScores& one = scores.classes[i];
      CHECK(one.index == item.at("classes")[i].get<std::size_t>());
      CHECK(one.support == item.at("support")[i].get<std::uint64_t>());
      check_near(one.precision.value, item.at("precision")[i]);
      check_near(one.recall.value, item.at("recall")[i]);
      check_near(one.f1.value, item.at("f1")[i]);
      for (std::size_t j = 0; j < scores.classes.size(); ++j)
        CHECK(matrix.count(one.index, scores.classes[j].index) == item.at("matrix")[i][j].get<std::uint64_t>());
    }
    for (double micro : item.at("micro")) check_near(scores.accuracy.value, micro);
    check_near(scores.macro.precision, item.at("macro")[0]);
    check_near(scores.macro.recall, item.at("macro")[1]);
    check_near(scores.macro.f1.value, item.at("macro")[2]);
    check_near(scores.weighted.precision, item.at("weighted")[0]);
    check_near(scores.weighted.recall, item.at("weighted")[1]);
    check_near(scores.weighted.f1.value, item.at("weighted")[2]);
  }
}

TEST_CASE("the metrics of regressions are those of scikit-learn") {
  for (const Json& item : reference().at("regression")) {
    INFO(item.at("name").get<std::string>());
    std::vector<double> expected = item.at("expected"), predicted = item.at("predicted");
    auto metrics = regression(expected, predicted, item.at("columns"));
    check_near(metrics.mae.value, item.at("mae"));
    check_near(metrics.rmse.value, item.at("rmse"));
    check_near(metrics.r2.value, item.at("r2"));
  }
}

TEST_CASE("quantiles and Wilson's intervals are those of SciPy") {
  for (const Json& item : reference().at("quantile")) check_near(normal_quantile(item[0]), item[1]);
  for (const Json& item : reference().at("wilson")) {
    Interval interval = wilson(item[0], item[1], item[2]);
    check_near(interval.low, item[3]);
    check_near(interval.high, item[4]);
  }
}

TEST_CASE("without samples all metrics are 0 and have no interval") {
  auto scores = classification({});
  CHECK(scores.samples == 0);
  CHECK(scores.classes.empty());
  CHECK(!scores.accuracy.interval);
  auto metrics = regression({}, {});
  CHECK(metrics.samples == 0);
  CHECK(!metrics.mae.interval);
  CHECK(!metrics.r2_defined);
  CHECK(wilson(0, 0, 0.95).low == 0);
  CHECK(wilson(0, 0, 0.95).high == 1);
}

TEST_CASE("a quotient without samples is 0, without an interval, and reported as undefined") {
  auto scores = classification(matrix_of({0, 4, 0, 4}, {0, 4, 2, 0}));
  const ClassScores& absent = scores.classes.at(1);
  CHECK(absent.index == 2);
  CHECK(!absent.recall_defined());
  CHECK(absent.recall.value == 0);
  CHECK(!absent.recall.interval);
  CHECK(absent.precision_defined());
  CHECK(absent.precision.interval);
}

TEST_CASE("R2 of a constant target is reported as undefined") {
  std::vector<double> target(40, 0.1), predicted(40, 0.2);
  auto metrics = regression(target, predicted);
  CHECK(!metrics.r2_defined);
  CHECK(metrics.r2.value == 0);
  CHECK(!metrics.r2.interval);
  CHECK(metrics.mae.interval);
  CHECK(!regression(std::array{1.0}, std::array{1.0}).r2_defined);
}

TEST_CASE("NaN makes the metrics of a regression NaN") {
  auto metrics = regression(std::array{1.0, 2.0}, std::array{1.0, std::nan("")});
  CHECK(std::isnan(metrics.mae.value));
  CHECK(std::isnan(metrics.rmse.value));
}

TEST_CASE("every interval holds its metric, and few samples have no normal interval") {
  for (const Json& item : reference().at("classification")) {
    auto scores = classification(matrix_of(item.at("expected"), item.at("predicted")));
    check_within(scores.accuracy);
    for (const ClassScores& one : scores.classes) {
      check_within(one.f1);
      if (one.precision_defined()) check_within(one.precision);
      if (one.recall_defined()) check_within(one.recall);
    }
    CHECK(scores.macro.f1.interval.has_value() == (scores.samples >= fewest_for_normal));
  }
}

// The share of intervals that hold the true value is close to the confidence. 1,000 trials have a standard deviation of
// 0.7 points at 95 %; normal theory is approximate, so that 3 points are accepted.
TEST_CASE("95 % of the intervals hold the true value") {
  std::mt19937_64 random(7);  // NOLINT: a fixed seed on purpose
  auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  auto normal = [&] { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform()); };
  int mae = 0, rmse = 0, r2 = 0, macro = 0, weighted = 0;
  auto holds = [](const Estimate& estimate, double truth) {
    return estimate.interval && estimate.interval->low <= truth && truth <= estimate.interval->high;
  };
  constexpr int trials = 1000, samples = 200;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> expected, predicted;
    ConfusionMatrix matrix;
    for (int i = 0; i < samples; ++i) {
      expected.push_back(normal());
      predicted.push_back(expected.back() + 0.5 * normal());
      // Class 0 has half of the samples; each class is recognized in 80 %, and taken for the next one otherwise.
      std::size_t truth = uniform() < 0.5 ? 0 : uniform() < 0.5 ? 1 : 2;
      matrix.add(truth, uniform() < 0.8 ? truth : (truth + 1) % 3);
    }
    auto metrics = regression(expected, predicted);
    mae += holds(metrics.mae, 0.5 * std::sqrt(2 / 3.141592653589793));
    rmse += holds(metrics.rmse, 0.5);
    r2 += holds(metrics.r2, 0.75);
    auto scores = classification(matrix);
    // Shares of (expected, predicted): support .5 .25 .25, predicted .45 .3 .25.
    macro += holds(scores.macro.f1, (0.8 / 0.95 + 0.4 / 0.55 + 0.4 / 0.5) / 3);
    weighted += holds(scores.weighted.f1, 0.5 * 0.8 / 0.95 + 0.25 * 0.4 / 0.55 + 0.25 * 0.4 / 0.5);
  }
  for (int held : {mae, rmse, r2, macro, weighted}) {
    CHECK(held > 0.92 * trials);
    CHECK(held < 0.98 * trials);
  }
}
