// ai.onnx.ml: TreeEnsembleClassifier and TreeEnsembleRegressor, up to version 3 (their forms since 5 are TreeEnsemble).
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/scores.hpp"
#include "ops/scores_infer.hpp"

#include <map>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

enum class Mode { leaf, leq, lt, gte, gt, eq, neq };

Result<Mode> mode_of(std::string_view name) {
  if (name == "LEAF") return Mode::leaf;
  if (name == "BRANCH_LEQ") return Mode::leq;
  if (name == "BRANCH_LT") return Mode::lt;
  if (name == "BRANCH_GTE") return Mode::gte;
  if (name == "BRANCH_GT") return Mode::gt;
  if (name == "BRANCH_EQ") return Mode::eq;
  if (name == "BRANCH_NEQ") return Mode::neq;
  return refuse("nodes_modes has '" + std::string(name) + "', which is no mode");
}

struct Weight {
  std::size_t target;
  double value;
};

struct TreeNode {
  Mode mode;
  bool missing_goes_true;
  std::size_t feature, if_true, if_false;
  double threshold;
  std::vector<Weight> weights;  // of a leaf
};

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<std::size_t> roots;
  bool one_target = true, all_positive = true;  // of the weights

  // The leaf that a row falls into.
  const TreeNode& leaf(std::size_t root, std::span<const double> row) const {
    const TreeNode* node = &nodes[root];
    while (node->mode != Mode::leaf) {
      double x = row[node->feature];
      bool goes = false;
      switch (node->mode) {
        case Mode::leq: goes = x <= node->threshold; break;
        case Mode::lt: goes = x < node->threshold; break;
        case Mode::gte: goes = x >= node->threshold; break;
        case Mode::gt: goes = x > node->threshold; break;
        case Mode::eq: goes = x == node->threshold; break;
        case Mode::neq: goes = x != node->threshold; break;
        case Mode::leaf: break;
      }
      if (x != x) goes = node->missing_goes_true;
      node = &nodes[goes ? node->if_true : node->if_false];
    }
    return *node;
  }
};

// A list of numbers, as floats or (…_as_tensor) as a tensor of f64.
Result<std::vector<double>> numbers_of(const Attributes& attributes, const std::string& name) {
  const auto& floats = attributes.numbers(name);
  const Tensor* tensor = attributes.tensor(name + "_as_tensor");
  if (tensor == nullptr) return std::vector<double>(floats.begin(), floats.end());
  std::vector<double> all;
  TRY(for_type<TypeList<float, double>>(tensor->type(), [&]<class T>() -> Result<void> {
    all.assign(tensor->as<T>().begin(), tensor->as<T>().end());
    return {};
  }));
  return all;
}

// Reads the trees; `kind` is "class" or "target", `targets` how many there are. Every index is checked, and children
// must come to an end.
Result<Forest> read_forest(const Attributes& attributes, const std::string& kind, std::size_t targets,
                           std::int64_t columns) {
  const auto &tree = attributes.integers("nodes_treeids"), &id = attributes.integers("nodes_nodeids"),
             &feature = attributes.integers("nodes_featureids"), &yes = attributes.integers("nodes_truenodeids"),
             &no = attributes.integers("nodes_falsenodeids"),
             &missing = attributes.integers("nodes_missing_value_tracks_true");
  const auto& modes = attributes.texts("nodes_modes");
  auto thresholds = TRY(numbers_of(attributes, "nodes_values"));
  std::size_t count = id.size();
  if (count == 0) return refuse("there are no nodes");
  if (tree.size() != count || feature.size() != count || yes.size() != count || no.size() != count ||
      modes.size() != count || thresholds.size() != count || (!missing.empty() && missing.size() != count)) {
    return refuse("the lists of nodes are of different lengths");
  }
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> places;
  for (std::size_t i = 0; i < count; ++i) {
    if (!places.emplace(std::pair(tree[i], id[i]), i).second) return refuse("two nodes have the same id");
  }
  Forest forest;
  std::vector<int> parents(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    TreeNode node{TRY(mode_of(modes[i])), !missing.empty() && missing[i] != 0, 0, i, i, thresholds[i], {}};
    if (node.mode != Mode::leaf) {
      auto on_true = places.find({tree[i], yes[i]}), on_false = places.find({tree[i], no[i]});
      if (on_true == places.end() || on_false == places.end()) return refuse("a node has no such child");
      node.if_true = on_true->second;
      node.if_false = on_false->second;
      ++parents[node.if_true];
      if (node.if_false != node.if_true) ++parents[node.if_false];
      if (feature[i] < 0 || feature[i] >= columns) {
        return refuse("a node asks for column " + std::to_string(feature[i]) + " of " + std::to_string(columns));
      }
      node.feature = static_cast<std::size_t>(feature[i]);
    }
    forest.nodes.push_back(std::move(node));
  }
  // A node that is nobody's child is a root; as none has two parents, what a root reaches is a tree.
  for (std::size_t i = 0; i < count; ++i) {
    if (parents[i] > 1) return refuse("a node has two parents");
    if (parents[i] != 0) continue;
    if (!forest.roots.empty() && tree[forest.roots.back()] == tree[i]) return refuse("a tree has two roots");
    forest.roots.push_back(i);
  }
  const auto &weight_tree = attributes.integers(kind + "_treeids"),
             &weight_node = attributes.integers(kind + "_nodeids"), &weight_target = attributes.integers(kind + "_ids");
  auto weights = TRY(numbers_of(attributes, kind + "_weights"));
  if (weight_tree.size() != weights.size() || weight_node.size() != weights.size() ||
      weight_target.size() != weights.size()) {
    return refuse("the lists of weights are of different lengths");
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto place = places.find({weight_tree[i], weight_node[i]});
    if (place == places.end()) return refuse("a weight belongs to no node");
    if (weight_target[i] < 0 || weight_target[i] >= static_cast<std::int64_t>(targets)) {
      return refuse("a weight is for " + kind + " " + std::to_string(weight_target[i]) + " of " +
                    std::to_string(targets));
    }
    forest.nodes[place->second].weights.push_back({static_cast<std::size_t>(weight_target[i]), weights[i]});
    forest.one_target = forest.one_target && weight_target[i] == weight_target[0];
    forest.all_positive = forest.all_positive && weights[i] >= 0;
  }
  return forest;
}

// Sums are kept in f32 unless the input is f64: a score beside a threshold must fall on the side where training saw it.
double added(double sum, double value, bool wide) {
  return wide ? sum + value : static_cast<double>(static_cast<float>(sum) + static_cast<float>(value));
}

Result<void> infer_classifier(Inference& call) {
  return infer_classifier(call, "classlabels_strings", "classlabels_int64s");
}

Result<void> classify(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  Labels labels = TRY(read_labels(call.attributes, "classlabels_strings", "classlabels_int64s"));
  std::size_t classes = labels.size();
  if (classes < 2) return refuse("it must have two labels or more");
  Forest forest = TRY(read_forest(call.attributes, "class", classes, x.columns));
  std::string_view transform = call.attributes.text("post_transform", "NONE");
  auto base = TRY(numbers_of(call.attributes, "base_values"));
  // Two labels of which only the first has weights: its sum is the score of the second, as exporters of binary models
  // write it.
  bool binary = classes == 2 && forest.one_target;
  bool shared = binary && base.size() <= 1 &&
                std::none_of(forest.nodes.begin(), forest.nodes.end(),
                             [](const TreeNode& node) { return !node.weights.empty() && node.weights[0].target == 1; });
  if (!base.empty() && base.size() != (shared ? 1 : classes)) {
    return refuse("there must be one base value for each label");
  }
  std::optional<MutableTensorView> label, probabilities;
  if (outputs.wanted(0)) label = TRY(outputs.allocate(0, labels.type(), Dims{x.rows}));
  if (outputs.wanted(1)) {
    probabilities = TRY(outputs.allocate(1, DType::f32, Dims{x.rows, static_cast<std::int64_t>(classes)}));
  }
  bool wide = call.input(0).type == DType::f64;
  float* out = probabilities ? probabilities->as<float>().data() : nullptr;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    std::vector<double> scores(classes, 0.0);
    std::vector<bool> scored(classes, !base.empty());
    for (std::size_t root : forest.roots) {
      for (const Weight& weight : forest.leaf(root, x.row(row)).weights) {
        scores[weight.target] = added(scores[weight.target], weight.value, wide);
        scored[weight.target] = true;
      }
    }
    for (std::size_t i = 0; i < base.size(); ++i) scores[i] = added(scores[i], base[i], wide);
    std::size_t best = classes;
    for (std::size_t i = 0; i < classes; ++i) {  // a label that no tree spoke of is not chosen
      if (scored[i] && (best == classes || scores[i] > scores[best])) best = i;
    }
    if (best == classes) best = 0;
    if (binary) best = scores[shared ? 0 : 1] > (forest.all_positive ? 0.5 : 0.0) ? 1 : 0;
    if (label) labels.write(*label, static_cast<std::size_t>(row), best);
    if (out == nullptr) continue;
    if (shared) {
      double score = scores[0];
      scores = {forest.all_positive ? 1 - score : -score, score};
      if (transform == "LOGISTIC" && forest.all_positive) {
        scores[0] = -score;  // the logistic functions of both add up to 1 either way
      } else if (transform != "LOGISTIC") {
        for (double value : scores) *out++ = static_cast<float>(value);
        continue;
      }
    }
    TRY(post_transform(scores, transform));
    for (double value : scores) *out++ = static_cast<float>(value);
  }
  return {};
}

Result<void> infer_regressor(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, DType::f32, Shape{rows_of(call), Expr(call.attributes().integer("n_targets", 1))});
  return {};
}

Result<void> regress(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  std::int64_t targets = call.attributes.integer("n_targets", 1);
  if (targets < 1 || targets > std::int64_t{1} << 20) return refuse("n_targets cannot be " + std::to_string(targets));
  Forest forest = TRY(read_forest(call.attributes, "target", static_cast<std::size_t>(targets), x.columns));
  auto base = TRY(numbers_of(call.attributes, "base_values"));
  if (!base.empty() && static_cast<std::int64_t>(base.size()) != targets) {
    return refuse("there must be one base value for each target");
  }
  std::string_view way = call.attributes.text("aggregate_function", "SUM");
  if (way != "SUM" && way != "AVERAGE" && way != "MIN" && way != "MAX") {
    return refuse("aggregate_function cannot be '" + std::string(way) + "'");
  }
  std::string_view transform = call.attributes.text("post_transform", "NONE");
  if (targets == 1 &&
      transform != "NONE") {  // runtimes disagree on whether it applies: no answer is better than another
    return Error(Kind::unsupported, "unsupported-form", "post_transform of a single target is not supported");
  }
  bool wide = call.input(0).type == DType::f64;
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, Dims{x.rows, targets}));
  float* out = y.as<float>().data();
  for (std::int64_t row = 0; row < x.rows; ++row) {
    std::vector<double> values(static_cast<std::size_t>(targets), 0.0);
    std::vector<bool> told(values.size(), false);
    for (std::size_t root : forest.roots) {
      for (const Weight& weight : forest.leaf(root, x.row(row)).weights) {
        double& value = values[weight.target];
        if (!told[weight.target]) value = weight.value;
        else if (way == "MIN") value = std::min(value, weight.value);
        else if (way == "MAX") value = std::max(value, weight.value);
        else value = added(value, weight.value, wide);
        told[weight.target] = true;
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (way == "AVERAGE") values[i] /= static_cast<double>(forest.roots.size());
      if (!base.empty()) values[i] = added(values[i], base[i], wide);
    }
    TRY(post_transform(values, transform));
    for (double value : values) *out++ = static_cast<float>(value);
  }
  return {};
}

constexpr AttributeDef base_values = {"base_values", AttributeType::numbers, "added to the sums; 0 where absent"};
constexpr AttributeDef base_tensor = {"base_values_as_tensor", AttributeType::tensor, "the same in f64"};
constexpr AttributeDef node_falses = {"nodes_falsenodeids", AttributeType::integers, "the child where the test fails"};
constexpr AttributeDef node_features = {"nodes_featureids", AttributeType::integers, "the column that is tested"};
constexpr AttributeDef node_hits = {"nodes_hitrates", AttributeType::numbers, "has no effect"};
constexpr AttributeDef node_hits_tensor = {"nodes_hitrates_as_tensor", AttributeType::tensor, "has no effect"};
constexpr AttributeDef node_missing = {"nodes_missing_value_tracks_true", AttributeType::integers,
                                       "1: NaN passes the test; 0 where absent"};
constexpr AttributeDef node_modes = {"nodes_modes", AttributeType::texts,
                                     "LEAF, or the test: BRANCH_LEQ, _LT, _GTE, _GT, _EQ, _NEQ"};
constexpr AttributeDef node_ids = {"nodes_nodeids", AttributeType::integers, "each node's id in its tree"};
constexpr AttributeDef node_trees = {"nodes_treeids", AttributeType::integers, "each node's tree"};
constexpr AttributeDef node_trues = {"nodes_truenodeids", AttributeType::integers, "the child where the test passes"};
constexpr AttributeDef node_values = {"nodes_values", AttributeType::numbers, "what the column is compared with"};
constexpr AttributeDef node_values_tensor = {"nodes_values_as_tensor", AttributeType::tensor, "the same in f64"};
constexpr AttributeDef transform = {"post_transform", AttributeType::text,
                                    "NONE, where absent; LOGISTIC, SOFTMAX or SOFTMAX_ZERO"};

constexpr AttributeDef of_classifier[] = {
    base_values,
    base_tensor,
    {"class_ids", AttributeType::integers, "each weight's label, as an index"},
    {"class_nodeids", AttributeType::integers, "each weight's leaf"},
    {"class_treeids", AttributeType::integers, "each weight's tree"},
    {"class_weights", AttributeType::numbers, "what a leaf adds to the label's score"},
    {"class_weights_as_tensor", AttributeType::tensor, "the same in f64"},
    {"classlabels_int64s", AttributeType::integers, "the labels, where they are numbers"},
    {"classlabels_strings", AttributeType::texts, "the labels, where they are texts"},
    node_falses,
    node_features,
    node_hits,
    node_hits_tensor,
    node_missing,
    node_modes,
    node_ids,
    node_trees,
    node_trues,
    node_values,
    node_values_tensor,
    transform};
constexpr AttributeDef of_regressor[] = {
    {"aggregate_function", AttributeType::text, "SUM, where absent; AVERAGE, MIN or MAX"},
    base_values,
    base_tensor,
    {"n_targets", AttributeType::integer, "how many targets"},
    node_falses,
    node_features,
    node_hits,
    node_hits_tensor,
    node_missing,
    node_modes,
    node_ids,
    node_trees,
    node_trues,
    node_values,
    node_values_tensor,
    transform,
    {"target_ids", AttributeType::integers, "each weight's target"},
    {"target_nodeids", AttributeType::integers, "each weight's leaf"},
    {"target_treeids", AttributeType::integers, "each weight's tree"},
    {"target_weights", AttributeType::numbers, "what a leaf adds to the target"},
    {"target_weights_as_tensor", AttributeType::tensor, "the same in f64"}};

// One tree: column 0 is compared with 0.5.
Attributes stump(const std::string& kind, Ints ids, std::vector<float> weights) {
  return {{"nodes_treeids", Ints{0, 0, 0}},
          {"nodes_nodeids", Ints{0, 1, 2}},
          {"nodes_featureids", Ints{0, 0, 0}},
          {"nodes_values", std::vector<float>{0.5f, 0, 0}},
          {"nodes_modes", std::vector<std::string>{"BRANCH_LEQ", "LEAF", "LEAF"}},
          {"nodes_truenodeids", Ints{1, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 0, 0}},
          {kind + "_treeids", Ints{0, 0}},
          {kind + "_nodeids", Ints{1, 2}},
          {kind + "_ids", std::move(ids)},
          {kind + "_weights", std::move(weights)}};
}

constexpr OpDef defs[] = {
    {"ai.onnx.ml", "TreeEnsembleClassifier", 3, "The label on which the trees agree most, and all scores.", "X", "Y Z",
     "f32 f64 i64 i32", of_classifier, infer_classifier,
     [] {
       Attributes three = stump("class", {0, 2}, {1, 2});
       three.set("classlabels_strings", std::vector<std::string>{"low", "middle", "high"});
       Attributes two = stump("class", {0, 0}, {-1, 1});
       two.set("classlabels_int64s", Ints{3, 7});
       two.set("post_transform", std::string("LOGISTIC"));
       return Examples{{"three labels",
                        {f32({2, 1}, {0, 1})},
                        three,
                        {strings({2}, {"low", "high"}), f32({2, 3}, {1, 0, 0, 0, 0, 2})}},
                       {"two labels that share one score",
                        {f32({2, 1}, {0, 1})},
                        two,
                        {i64({2}, {3, 7}), f32({2, 2}, {0.7310586f, 0.26894143f, 0.26894143f, 0.7310586f})}}};
     }},
    {"ai.onnx.ml", "TreeEnsembleRegressor", 3, "The sum, mean or extreme of what trees say.", "X", "Y",
     "f32 f64 i64 i32", of_regressor, infer_regressor,
     [] {
       Attributes one = stump("target", {0, 0}, {10, 20});
       one.set("n_targets", std::int64_t{1});
       one.set("base_values", std::vector<float>{0.5f});
       return Examples{{"NaN fails the test", {f32({3, 1}, {0, 1, NAN})}, one, {f32({3, 1}, {10.5f, 20.5f, 20.5f})}}};
     }},
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "TreeEnsembleClassifier", classify},
                          {"ai.onnx.ml", "TreeEnsembleRegressor", regress}};

}  // namespace

std::span<const OpDef> tree_ensemble_ops() { return defs; }
std::span<const OpRun> tree_ensemble_runs() { return runs; }

}  // namespace modelctl::ops
