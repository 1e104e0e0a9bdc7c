// Two passes: the metrics of each column, then the variance of the influence that a sample has on their mean.
#include "statistics/regression.hpp"

#include "base/check.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace modelctl::statistics {
namespace {

struct Column {
  double mean = 0;                    // of the expected values
  double mae = 0, mse = 0, rmse = 0;  // of the errors
  double spread = 0;                  // D: the mean square of the expected values around their mean
  double r2 = 0;
};

struct Table {
  std::span<const double> expected, predicted;
  std::size_t columns, rows;

  double target(std::size_t row, std::size_t column) const { return expected[row * columns + column]; }
  double error(std::size_t row, std::size_t column) const {
    return predicted[row * columns + column] - expected[row * columns + column];
  }
};

Column column_of(const Table& table, std::size_t index) {
  Column column;
  auto n = static_cast<double>(table.rows);
  for (std::size_t row = 0; row < table.rows; ++row) {
    double error = table.error(row, index);
    column.mean += table.target(row, index) / n;
    column.mae += std::abs(error) / n;
    column.mse += error * error / n;
  }
  bool constant = true;
  for (std::size_t row = 0; row < table.rows; ++row) {
    double apart = table.target(row, index) - column.mean;
    column.spread += apart * apart / n;
    constant = constant && table.target(row, index) == table.target(0, index);
  }
  // The mean of equal numbers may be rounded, so that they seem to vary.
  if (constant) column.spread = 0;
  column.rmse = std::sqrt(column.mse);
  column.r2 = column.spread > 0 ? 1 - column.mse / column.spread : column.mse == 0 ? 1 : 0;
  return column;
}

}  // namespace

Regression regression(std::span<const double> expected, std::span<const double> predicted, std::size_t columns,
                      double confidence) {
  MODELCTL_CHECK(columns > 0 && expected.size() == predicted.size() && expected.size() % columns == 0,
                 "as many predictions as expected values");
  Table table{expected, predicted, columns, expected.size() / columns};
  Regression result;
  result.samples = table.rows;
  if (table.rows == 0) return result;
  auto share = 1 / static_cast<double>(columns), n = static_cast<double>(table.rows);
  std::vector<Column> all;
  result.r2_defined = true;
  for (std::size_t i = 0; i < columns; ++i) {
    const Column& column = all.emplace_back(column_of(table, i));
    result.mae.value += share * column.mae;
    result.rmse.value += share * column.rmse;
    result.r2.value += share * column.r2;
    result.r2_defined = result.r2_defined && column.spread > 0;
  }
  double mae = 0, rmse = 0, r2 = 0;  // variances
  for (std::size_t row = 0; row < table.rows; ++row) {
    double of_mae = 0, of_rmse = 0, of_r2 = 0;
    for (std::size_t i = 0; i < columns; ++i) {
      const Column& column = all[i];
      double error = table.error(row, i), apart = table.target(row, i) - column.mean;
      double excess = error * error - column.mse;
      of_mae += share * (std::abs(error) - column.mae);
      if (column.rmse > 0) of_rmse += share * excess / (2 * column.rmse);
      if (column.spread > 0)
        of_r2 += share * ((1 - column.r2) * (apart * apart - column.spread) - excess) / column.spread;
    }
    mae += of_mae * of_mae / n;
    rmse += of_rmse * of_rmse / n;
    r2 += of_r2 * of_r2 / n;
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  result.mae.interval = normal_interval(result.mae.value, mae, table.rows, {0, infinity}, confidence);
  result.rmse.interval = normal_interval(result.rmse.value, rmse, table.rows, {0, infinity}, confidence);
  if (result.r2_defined)
    result.r2.interval = normal_interval(result.r2.value, r2, table.rows, {-infinity, 1}, confidence);
  return result;
}

}  // namespace modelctl::statistics
