// What the classifiers and regressors of ai.onnx.ml share: post transforms of scores, and labels.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

enum class PostTransform : std::uint8_t { none, logistic, softmax, softmax_zero, probit };
// The texts of the attribute `post_transform`, in that order.
inline constexpr std::string_view post_transforms = "NONE LOGISTIC SOFTMAX SOFTMAX_ZERO PROBIT";

// Changes one row of scores.
void post_transform(std::span<double> scores, PostTransform how);

// The labels of a classifier: one of two attributes lists them, which decides the type of the label output.
struct ClassLabels {
  const std::vector<std::string>* texts = nullptr;
  const std::vector<std::int64_t>* numbers = nullptr;
  std::size_t size() const { return texts != nullptr ? texts->size() : numbers->size(); }
  DType type() const { return texts != nullptr ? DType::string : DType::i64; }
  void write(const MutableTensorView& to, std::size_t row, std::size_t label) const {
    if (texts != nullptr) to.as<std::string>()[row] = (*texts)[label];
    else to.as<std::int64_t>()[row] = (*numbers)[label];
  }
};
Result<ClassLabels> read_labels(const Attributes& attributes, std::string_view texts, std::string_view numbers);

// A table of numbers of any of the types that ai.onnx.ml takes, [N,C] or one row [C].
struct Table {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;
  std::span<const double> row(std::int64_t index) const {
    return std::span(values).subspan(static_cast<std::size_t>(index * columns), static_cast<std::size_t>(columns));
  }
};
Result<Table> read_table(const TensorView& x);

}  // namespace modelctl::ops
