// Post transforms as the definition of ai.onnx.ml writes them, with its constants, also if those are rough.
#include "ops/reference/scores.hpp"

#include <cmath>

namespace modelctl::ops {

namespace {

// The quantile of the normal distribution, by the approximation that the operators' definition is written with
// (Winitzki's of the inverse error function).
double probit(double p) {
  double x = 2 * p - 1, rest = std::log((1 - x) * (1 + x));
  if (rest == -HUGE_VAL) return x * HUGE_VAL;
  double a = 2 / (M_PI * 0.147) + rest / 2;
  double size = std::sqrt(std::sqrt(a * a - rest / 0.147) - a);
  return 1.41421356 * (x < 0 ? -size : size);
}

}  // namespace

void post_transform(std::span<double> scores, PostTransform how) {
  if (how == PostTransform::none || scores.empty()) return;
  if (how == PostTransform::logistic) {
    for (double& score : scores) score = 1 / (1 + std::exp(-score));
    return;
  }
  if (how == PostTransform::probit) {
    for (double& score : scores) score = probit(score);
    return;
  }
  double most = *std::max_element(scores.begin(), scores.end()), sum = 0;
  bool keep_zeros = how == PostTransform::softmax_zero;  // a score of 0 stays 0: there was none
  for (double& score : scores) {
    bool zero = keep_zeros && std::fabs(score) <= 1e-7;
    score = zero ? 0 : std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) score = sum == 0 ? 0 : score / sum;
}

Result<ClassLabels> read_labels(const Attributes& attributes, std::string_view texts, std::string_view numbers) {
  ClassLabels labels;
  if (!attributes.texts(texts).empty()) labels.texts = &attributes.texts(texts);
  if (!attributes.integers(numbers).empty()) labels.numbers = &attributes.integers(numbers);
  if ((labels.texts == nullptr) == (labels.numbers == nullptr)) {
    return refuse("either " + std::string(texts) + " or " + std::string(numbers) + " must say its labels");
  }
  return labels;
}

// Copied to f64, in which every operator of ai.onnx.ml computes.
Result<Table> read_table(const TensorView& x) {
  if (x.rank() < 1 || x.rank() > 2) return refuse("the input must have rank 1 or 2, not " + std::to_string(x.rank()));
  Table table{x.rank() == 2 ? x.dim(0) : 1, x.dims.back(), {}};
  using Types = TypeList<float, double, std::int64_t, std::int32_t>;
  TRY(for_type<Types>(x.type, [&]<class T>() -> Result<void> {
    table.values.assign(x.as<T>().begin(), x.as<T>().end());
    return {};
  }));
  return table;
}

}  // namespace modelctl::ops
