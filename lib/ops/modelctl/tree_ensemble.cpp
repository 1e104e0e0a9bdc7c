// modelctl::TreeEnsemble: the scores of each row, from packed trees (kernels/tree_ensemble.hpp); then
// modelctl::PostTransform, and modelctl::TreeLabels for classifiers.
//
// The three tree operators of ai.onnx.ml differ in how they list nodes, and agree in what they compute. They decompose
// to these (ops/family/forest.hpp), so that one reference and one kernel serve all of them. NaN as a score means that
// no leaf had a weight for it, which a classifier must tell from a score of 0.
#include "kernels/tree_ensemble.hpp"
#include "ops/family/scores.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using kernels::Branch;
using Real = TypeList<float, double>;

Result<void> infer_trees(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, call.element(0), Shape{rows_of(call), Expr(call.attributes().integer("n_targets", 1))});
  return {};
}

// The leaf that a row falls into. Children of a node are adjacent, the one for a failed test first, so that a test is
// an addition. NaN has a direction of its own: it would fail every comparison.
// The walk ends since children are always after their parent (read_trees checks it). It takes depth steps for each
// tree and row; only a test for membership is linear in its set.
template <class T>
std::int32_t leaf_of(const kernels::Trees<T>& trees, std::int32_t root, const T* row) {
  const kernels::TreeNode<T>* node = &trees.nodes[static_cast<std::size_t>(root)];
  while (kernels::branch_of(node->test) != Branch::leaf) {
    T x = row[kernels::feature_of(node->test)];
    bool passes = kernels::branch_of(node->test) == Branch::equal ? x == node->threshold : x <= node->threshold;
    if (kernels::branch_of(node->test) == Branch::member) {
      auto starts = trees.set_starts.subspan(static_cast<std::size_t>(node->value), 2);
      passes = std::count(trees.members.begin() + starts[0], trees.members.begin() + starts[1], x) > 0;
    }
    if (x != x) passes = kernels::missing_passes(node->test);
    node = &trees.nodes[static_cast<std::size_t>(node->child + (passes ? 1 : 0))];
  }
  return node->value;
}

// Weights are added in the order of the trees, which fixes the rounding of the sums.
Result<void> evaluate_trees(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.rank() < 1 || x.rank() > 2) return refuse("X must have rank 1 or 2, not " + std::to_string(x.rank()));
  std::int64_t rows = x.rank() == 2 ? x.dim(0) : 1, columns = x.dims.back();
  return for_type<Real>(x.type, [&]<class T>() -> Result<void> {
    auto trees = TRY(kernels::read_trees<T>(call.inputs, call.attributes, columns));
    MutableTensorView y = TRY(outputs.allocate(0, x.type, Dims{rows, trees.n_targets}));
    T* scores = y.as<T>().data();
    for (std::int64_t row = 0; row < rows; ++row, scores += trees.n_targets) {
      // NaN stands for "no weight so far": for a minimum or a maximum, 0 would be a weight.
      std::fill(scores, scores + trees.n_targets, std::numeric_limits<T>::quiet_NaN());
      for (std::int32_t root : trees.roots) {
        // A leaf has a stretch of weights, each with its target: none at all for a leaf without a say.
        auto leaf = static_cast<std::size_t>(leaf_of(trees, root, x.as<T>().data() + row * columns));
        for (auto w = static_cast<std::size_t>(trees.starts[leaf]);
             w < static_cast<std::size_t>(trees.starts[leaf + 1]); ++w) {
          T& score = scores[trees.targets[w]];
          score = trees.join(score, trees.weights[w]);
        }
      }
      for (std::int64_t i = 0; i < trees.n_targets; ++i)
        scores[i] = trees.finish(scores[i], static_cast<std::size_t>(i));
    }
    return {};
  });
}

Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  if (call.element(0) != DType::f32 && call.element(0) != DType::f64) return false;
  for (std::size_t i = 1; i < node.inputs().size(); ++i) {
    if (node.input(i) != nullptr && call.constant(i) == nullptr) return false;
  }
  std::vector<Lowering::Operand> inputs(node.inputs().begin(), node.inputs().end());
  call.emit("tree_ensemble", std::move(inputs), node.attributes);
  return true;
}

// In f64, and rounded once.
Result<void> transform(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "X"));
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  const auto how = choice_of<PostTransform>(call.attributes, "post_transform", post_transforms);
  return for_type<Real>(x.type, [&]<class T>() -> Result<void> {
    auto columns = static_cast<std::size_t>(x.dims.back());
    // A softmax needs its whole row; rows of no columns have nothing to transform.
    std::vector<double> row(columns);
    for (std::size_t at = 0; columns > 0 && at < x.as<T>().size(); at += columns) {
      auto from = x.as<T>().subspan(at, columns);
      row.assign(from.begin(), from.end());
      post_transform(row, how);
      std::copy(row.begin(), row.end(), y.as<T>().begin() + static_cast<std::ptrdiff_t>(at));
    }
    return {};
  });
}

// The label is an index, which the decomposition maps to the model's labels by a Gather.
Result<void> infer_labels(Inference& call) {
  TRY(need_rank(call, 0, 2, 2));
  const Shape* scores = call.shape(0);
  call.set_output(0, DType::i64, scores == nullptr ? std::nullopt : std::optional(Shape{(*scores)[0]}));
  call.set_output(1, DType::f32, scores == nullptr ? std::nullopt : std::optional(*scores));
  return {};
}

// Binary models have weights for one label of two only, and a convention of their own for the other one's score.
struct Binary {
  bool one_label, all_positive;
};

bool scored(double score) { return score == score; }  // NaN: no leaf had a weight for it

// The label with the greatest score. One without a score and a base value is not chosen. The first of equal ones wins.
// A base value alone makes a score: a label that no leaf speaks of can then be chosen.
std::size_t choose_greatest(std::vector<double>& scores, std::span<const double> base) {
  std::size_t best = scores.size();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!base.empty()) scores[i] = scored(scores[i]) ? scores[i] + base[i] : base[i];
    if (scored(scores[i]) && (best == scores.size() || scores[i] > scores[best])) best = i;
  }
  for (double& score : scores) score = scored(score) ? score : 0;
  return best == scores.size() ? 0 : best;
}

// One score decides between two labels: the second one's if it has weights, else the first one's, which then stands for
// the second one's. A single base value is the first label's alone, and so has no effect if the second one's score
// decides. All of this is what ONNX Runtime computes; the specification does not say. One case differs: with weights
// for the second label and two base values, ONNX Runtime leaves out the weights, whatever they are.
// With s for that score plus its base value, the two scores are, by the first line that applies,
//   s of the second label             transform(0, s)
//   PROBIT                            probit(s) twice
//   two base values                   transform(s, 0)
//   LOGISTIC                          logistic(-s), logistic(s)
//   all weights positive, or not      1 - s, s or -s, s
// and the second label is chosen if s exceeds 0.5 (weights are probabilities, none below 0) or 0 (they are margins).
std::size_t choose_by_one(std::vector<double>& scores, std::span<const double> base, Binary binary,
                          PostTransform transform) {
  for (std::size_t i = 0; i < base.size(); ++i) scores[i] += base[i];
  bool second = scored(scores[1]);
  double score = second ? scores[1] : scored(scores[0]) ? scores[0] : 0;
  if (second || base.size() == 2 || transform == PostTransform::probit) {
    scores = {second ? 0 : score, second || transform == PostTransform::probit ? score : 0};
    post_transform(scores, transform);
    if (transform == PostTransform::probit && !second) scores[0] = scores[1];
  } else if (transform == PostTransform::logistic) {
    scores = {-score, score};
    post_transform(scores, transform);
  } else {
    scores = {binary.all_positive ? 1 - score : -score, score};
  }
  return score > (binary.all_positive ? 0.5 : 0) ? 1 : 0;
}

// The label of one row, whose scores become the second output.
std::size_t choose(std::vector<double>& scores, std::span<const double> base, Binary binary, PostTransform transform) {
  if (binary.one_label) return choose_by_one(scores, base, binary, transform);
  std::size_t best = choose_greatest(scores, base);
  post_transform(scores, transform);
  return best;
}

Result<void> label(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.rank() != 2 || x.dim(1) < 2) return refuse("the scores must be rows of two or more");
  std::vector<double> base;
  if (call.input(1).present()) base = TRY(read_table(call.input(1))).values;
  std::int64_t classes = x.dim(1), rows = x.dim(0);
  Binary binary{call.attributes.integer("one_label") != 0, call.attributes.integer("all_positive") != 0};
  if (!base.empty() && static_cast<std::int64_t>(base.size()) != classes && !(binary.one_label && base.size() == 1)) {
    return refuse("there must be one base value for each label");
  }
  if (binary.one_label && classes != 2) return refuse("one label of two needs two labels");
  std::optional<MutableTensorView> labels, answers;
  if (outputs.wanted(0)) labels = TRY(outputs.allocate(0, DType::i64, Dims{rows}));
  if (outputs.wanted(1)) answers = TRY(outputs.allocate(1, DType::f32, x.dims));
  Table table = TRY(read_table(x));
  const auto transform = choice_of<PostTransform>(call.attributes, "post_transform", post_transforms);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::vector<double> scores(table.row(row).begin(), table.row(row).end());
    std::size_t best = choose(scores, base, binary, transform);
    if (labels) labels->as<std::int64_t>()[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(best);
    if (!answers) continue;
    float* to = answers->as<float>().data() + row * classes;
    std::transform(scores.begin(), scores.end(), to, [](double score) { return static_cast<float>(score); });
  }
  return {};
}

constexpr AttributeDef of_trees[] = {
    text_choice("aggregate", "sum average min max", "how leaves are joined"),
    {"n_targets", AttributeType::integer, "how many scores a row has"},
    {"unscored", AttributeType::number, "the score of a target without weights in any leaf; 0 if absent"}};
constexpr AttributeDef of_transform[] = {post_transform_attribute};
constexpr AttributeDef of_labels[] = {{"all_positive", AttributeType::integer, "1: no weight is below 0"},
                                      {"one_label", AttributeType::integer, "1: all weights are for one label of two"},
                                      post_transform_attribute};

// The smallest tree for the examples: x[1] <= 0.5 ? leaf 0 : leaf 1, as nodes of f32.
Tensor stump() {
  Tensor nodes(DType::i32, {3, 4});
  float nan = std::numeric_limits<float>::quiet_NaN();
  kernels::TreeNode<float> packed[] = {{0.5f, kernels::tree_test(1, Branch::at_most, false), 1, 0},
                                       {nan, kernels::tree_test(0, Branch::leaf, false), 1, 0},
                                       {nan, kernels::tree_test(0, Branch::leaf, false), 2, 1}};
  std::memcpy(nodes.mutable_view().data, packed, sizeof packed);
  return nodes;
}

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "TreeEnsemble",
        .since = 1,
        .summary = "The scores that the leaves of packed decision trees give to each row.",
        .inputs = "X nodes roots starts targets weights base? set_starts? members?",
        .outputs = "Y",
        .types = "f32 f64",
        .attributes = of_trees,
        .infer = infer_trees,
        .lower = lower,
        .examples =
            [] {
              float nan = std::numeric_limits<float>::quiet_NaN();
              return Examples{{"one tree; NaN fails the test",
                               {f32({3, 2}, {0, 0, 0, 1, 0, nan}), stump(), i32({1}, {0}), i32({3}, {0, 1, 2}),
                                i32({2}, {0, 0}), f32({2}, {-1, 2})},
                               {},
                               {f32({3, 1}, {2, -1, -1})}},
                              {"two trees, two targets, the larger counts",
                               {f32({1, 2}, {0, 1}), stump(), i32({2}, {0, 2}), i32({3}, {0, 2, 3}),
                                i32({3}, {0, 1, 1}), f32({3}, {4, 5, 6}), f32({2}, {0.5f, 0})},
                               {{"n_targets", std::int64_t{2}}, {"aggregate", std::string("max")}},
                               {f32({1, 2}, {4.5f, 6})}}};
            },
    },
    {
        .domain = "modelctl",
        .name = "PostTransform",
        .since = 1,
        .summary = "The post transform of ai.onnx.ml, row by row.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64",
        .attributes = of_transform,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"softmax of what is a score",
                               {f32({1, 3}, {1, 0, 1})},
                               {{"post_transform", std::string("SOFTMAX_ZERO")}},
                               {f32({1, 3}, {0.5f, 0, 0.5f})}},
                              {"probit",
                               {f32({2}, {0.5f, 0.5f})},
                               {{"post_transform", std::string("PROBIT")}},
                               {f32({2}, {0, 0})}}};
            },
    },
    {
        .domain = "modelctl",
        .name = "TreeLabels",
        .since = 1,
        .summary = "The label that trees choose, as an index, and the scores of all.",
        .inputs = "X base?",
        .outputs = "index Z",
        .types = "f32 f64",
        .attributes = of_labels,
        .infer = infer_labels,
        .examples =
            [] {
              float nan = std::numeric_limits<float>::quiet_NaN();
              return Examples{{"a label without a score is not chosen",
                               {f32({1, 3}, {nan, -1, -2})},
                               {},
                               {i64({1}, {1}), f32({1, 3}, {0, -1, -2})}},
                              {"one score for two labels",
                               {f32({2, 2}, {0.75f, nan, 0.25f, nan})},
                               {{"one_label", std::int64_t{1}}, {"all_positive", std::int64_t{1}}},
                               {i64({2}, {1, 0}), f32({2, 2}, {0.25f, 0.75f, 0.75f, 0.25f})}},
                              {"one base value, of the first label's score",
                               {f32({2, 2}, {0.75f, nan, 0.25f, nan}), f64({1}, {0.125})},
                               {{"one_label", std::int64_t{1}}, {"all_positive", std::int64_t{1}}},
                               {i64({2}, {1, 0}), f32({2, 2}, {0.125f, 0.875f, 0.625f, 0.375f})}},
                              {"one base value, and the second label's score",
                               {f32({2, 2}, {nan, 0.75f, nan, 0.25f}), f64({1}, {0.125})},
                               {{"one_label", std::int64_t{1}}, {"all_positive", std::int64_t{1}}},
                               {i64({2}, {1, 0}), f32({2, 2}, {0, 0.75f, 0, 0.25f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "TreeEnsemble", evaluate_trees},
                          {"modelctl", "PostTransform", transform},
                          {"modelctl", "TreeLabels", label}};

}  // namespace

std::span<const OpDef> tree_ensemble_ops() { return defs; }
std::span<const OpRun> tree_ensemble_runs() { return runs; }

}  // namespace modelctl::ops
