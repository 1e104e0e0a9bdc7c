// Comparison of tensors in f64 with a tolerance that is absolute up to 1 and relative above.
#include "actions/compare.hpp"

#include "tensor/dispatch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace modelctl::actions {
namespace {

// The difference as the tolerance measures it; two NaN are equal, and so are two infinities of one sign. What is NaN
// here (a NaN against a number, a number against an expected infinity) counts as infinitely far: a comparison of NaN
// with the tolerance is false, so it would pass.
double difference(double value, double expected) {
  if (value == expected || (std::isnan(value) && std::isnan(expected))) return 0;
  double apart = std::abs(value - expected) / std::max(1.0, std::abs(expected));
  return std::isnan(apart) ? HUGE_VAL : apart;
}

}  // namespace

Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name) {
  std::vector<double> values;
  bool known = with_type<NumbersAndBool>(tensor.type, [&]<class T>() {
    for (const T& value : tensor.as<T>()) values.push_back(static_cast<double>(static_cast<compute_t<T>>(value)));
  });
  if (!known) {
    return Error(Kind::unsupported, "cannot-compare",
                 fmt::format("cannot compare '{}': it is {}", name, describe(tensor.type, tensor.dims)));
  }
  return values;
}

Result<Comparison> compare(const std::string& name, const Tensor& value, const Tensor& expected, double tolerance) {
  if (value.dims() != expected.dims()) {
    return Error(Kind::bad_input, "wrong-shape", fmt::format("cannot compare '{}' with what is expected", name))
        .because(fmt::format("the model returns {}, but {} is expected", describe(value.type(), value.dims()),
                             describe(expected.type(), expected.dims())));
  }
  auto got = TRY(numbers(value.view(), name));
  auto wanted = TRY(numbers(expected.view(), name));
  Comparison report{name, got.size(), 0, 0};
  for (std::size_t i = 0; i < got.size(); ++i) {
    double apart = difference(got[i], wanted[i]);
    report.largest = std::max(report.largest, apart);
    if (apart > tolerance) ++report.different;
  }
  return report;
}

}  // namespace modelctl::actions
