// ai.onnx.ml: LinearClassifier and LinearRegressor, as scikit-learn's linear models are exported. Sums are in f64,
// since a row may have thousands of columns; what the specification leaves open follows ONNX Runtime.
#include "ops/family/scores.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// A linear model has one hyperplane for each target; a classifier's targets are its labels, one against the rest.

// The linear functions of all targets: coefficients [targets, columns] row by row, and intercepts [targets] or none.
// score of target t = intercept_t + sum over i of x_i * coefficient_t,i, which costs targets * columns for each row.
struct Lines {
  const std::vector<float>& coefficients;
  const std::vector<float>& intercepts;
  std::size_t targets;

  std::vector<double> scores(std::span<const double> row) const {
    std::vector<double> all(targets, 0.0);
    for (std::size_t target = 0; target < targets; ++target) {
      if (target < intercepts.size()) all[target] = static_cast<double>(intercepts[target]);
      for (std::size_t i = 0; i < row.size(); ++i) {
        all[target] += row[i] * static_cast<double>(coefficients[target * row.size() + i]);
      }
    }
    return all;
  }
};

// Fails if the lists do not fit rows of `columns` numbers: they are read by index from here on.
Result<Lines> lines_of(const Attributes& attributes, std::size_t targets, std::int64_t columns) {
  Lines lines{attributes.numbers("coefficients"), attributes.numbers("intercepts"), targets};
  if (lines.coefficients.size() != targets * static_cast<std::size_t>(columns)) {
    return refuse("there are " + std::to_string(lines.coefficients.size()) + " coefficients for " +
                  std::to_string(targets) + " targets of " + std::to_string(columns) + " columns");
  }
  if (!lines.intercepts.empty() && lines.intercepts.size() != targets) {
    return refuse("there must be one intercept for each target");
  }
  return lines;
}

Result<void> infer_classifier(Inference& call) {
  // ai.onnx.ml names the attribute of integer labels differently in its tree operators.
  return infer_classifier(call, "classlabels_strings", "classlabels_ints");
}

// X [N,C] or [C] -> labels [N] and scores [N, labels]. The label is chosen from the scores before the post transform.
Result<void> classify(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  ClassLabels labels = TRY(read_labels(call.attributes, "classlabels_strings", "classlabels_ints"));
  const auto transform = choice_of<PostTransform>(call.attributes, "post_transform", post_transforms);
  // Two labels may share one row of coefficients, the second label's: the first one's score is then 1 minus it, and the
  // sign of the score decides. Exporters of binary logistic regression write that form.
  bool shared =
      labels.size() == 2 && call.attributes.numbers("coefficients").size() == static_cast<std::size_t>(x.columns);
  Lines lines = TRY(lines_of(call.attributes, shared ? 1 : labels.size(), x.columns));
  std::optional<MutableTensorView> label, scores;
  if (outputs.wanted(0)) label = TRY(outputs.allocate(0, labels.type(), Dims{x.rows}));
  if (outputs.wanted(1)) {
    scores = TRY(outputs.allocate(1, DType::f32, Dims{x.rows, static_cast<std::int64_t>(labels.size())}));
  }
  float* out = scores ? scores->as<float>().data() : nullptr;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    if (call.interrupted()) return {};
    std::vector<double> values = lines.scores(x.row(row));
    // The first of equal scores wins. Where one score stands for both labels, a NaN chooses the first one.
    auto best = static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
    if (shared) best = values[0] > 0 ? 1 : 0;
    if (label) labels.write(*label, static_cast<std::size_t>(row), best);
    if (out == nullptr) continue;
    // A softmax over one score would always be 1: with shared coefficients the two scores stay as they are.
    if (!shared || transform == PostTransform::logistic || transform == PostTransform::probit) {
      post_transform(values, transform);
    }
    if (shared) values = {1 - values[0], values[0]};
    for (double value : values) *out++ = static_cast<float>(value);
  }
  return {};
}

Result<void> infer_regressor(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, DType::f32, Shape{rows_of(call), Expr(call.attributes().integer("targets", 1))});
  return {};
}

// X [N,C] or [C] -> [N, targets].
Result<void> regress(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  std::int64_t targets = call.attributes.integer("targets", 1);
  // More targets than coefficients cannot be right, and the bound keeps the multiplication in lines_of from
  // overflowing.
  if (targets < 1 || targets > static_cast<std::int64_t>(call.attributes.numbers("coefficients").size())) {
    return refuse("targets cannot be " + std::to_string(targets));
  }
  Lines lines = TRY(lines_of(call.attributes, static_cast<std::size_t>(targets), x.columns));
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, Dims{x.rows, targets}));
  float* out = y.as<float>().data();
  for (std::int64_t row = 0; row < x.rows; ++row) {
    if (call.interrupted()) return {};
    // In f64 up to the post transform, and rounded to f32 once.
    std::vector<double> values = lines.scores(x.row(row));
    post_transform(values, choice_of<PostTransform>(call.attributes, "post_transform", post_transforms));
    for (double value : values) *out++ = static_cast<float>(value);
  }
  return {};
}

constexpr AttributeDef of_classifier[] = {
    {"classlabels_ints", AttributeType::integers, "the labels, if they are numbers"},
    {"classlabels_strings", AttributeType::texts, "the labels, if they are strings"},
    {"coefficients", AttributeType::numbers, "one row for each label", true},
    {"intercepts", AttributeType::numbers, "one for each label; 0 if absent"},
    {"multi_class", AttributeType::integer, "has no effect on the scores"},
    post_transform_attribute};
constexpr AttributeDef of_regressor[] = {{"coefficients", AttributeType::numbers, "one row for each target"},
                                         {"intercepts", AttributeType::numbers, "one for each target; 0 if absent"},
                                         post_transform_attribute,
                                         {"targets", AttributeType::integer, "how many targets; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "LinearClassifier",
        .since = 1,
        .summary = "The label whose linear score is greatest, and all scores.",
        .inputs = "X",
        .outputs = "Y Z",
        .types = "f32 f64 i64 i32",
        .attributes = of_classifier,
        .infer = infer_classifier,
        .examples =
            [] {
              return Examples{{"three labels",
                               {f32({2, 2}, {1, 2, 3, 1})},
                               {{"coefficients", std::vector<float>{1, 0, 0, 1, 1, 1}},
                                {"intercepts", std::vector<float>{0, 1, -2}},
                                {"classlabels_strings", std::vector<std::string>{"a", "b", "c"}}},
                               {strings({2}, {"b", "a"}), f32({2, 3}, {1, 3, 1, 3, 2, 2})}},
                              {"two labels that share one score",
                               {f32({2, 1}, {0, -1})},
                               {{"coefficients", std::vector<float>{2}},
                                {"intercepts", std::vector<float>{1}},
                                {"classlabels_ints", Ints{3, 7}},
                                {"post_transform", std::string("LOGISTIC")}},
                               {i64({2}, {7, 3}), f32({2, 2}, {0.26894143f, 0.7310586f, 0.7310586f, 0.26894143f})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "LinearRegressor",
        .since = 1,
        .summary = "Linear functions of each row.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_regressor,
        .infer = infer_regressor,
        .examples =
            [] {
              return Examples{{"two targets",
                               {f32({1, 2}, {1, 2})},
                               {{"coefficients", std::vector<float>{1, 1, 2, -1}},
                                {"intercepts", std::vector<float>{0, 5}},
                                {"targets", std::int64_t{2}}},
                               {f32({1, 2}, {3, 5})}}};
            },
    },
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "LinearClassifier", classify}, {"ai.onnx.ml", "LinearRegressor", regress}};

}  // namespace

std::span<const OpDef> linear_ops() { return defs; }
std::span<const OpRun> linear_runs() { return runs; }

}  // namespace modelctl::ops
