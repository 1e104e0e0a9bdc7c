// ai.onnx.ml: TreeEnsemble, and TreeEnsembleClassifier and TreeEnsembleRegressor of before version 5. None of them is
// evaluated: each is decomposed into modelctl::TreeEnsemble, whose nodes are packed once, when the model is built, and
// what follows it (post transform, choice of labels, casts). Where the specification leaves a case open, such as a
// target without a weight or a single target with a post transform, the result is ONNX Runtime's.
#include "ops/family/forest.hpp"
#include "ops/family/scores.hpp"
#include "ops/reference/scores.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <set>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Node;
using graph::Shape;
using graph::Value;

// Theory. An ensemble of T decision trees gives each row, for target t,
//   y_t = base_t + join over trees of weight_t(leaf of the row in the tree),
// where join is a sum (gradient boosting), a mean (random forests), a minimum or a maximum. Before version 5 parallel
// lists describe it: entry i of each nodes_ list belongs to node i, whose id counts within its tree, and entry j of the
// lists of weights adds a target to a leaf. A leaf may have weights for several targets, or for none.

// A new node before `node`, with one output named after it and its type inferred.
Result<Value*> add(Node& node, std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                   Attributes attributes) {
  Node* made = node.graph().add_node(domain, op, std::move(inputs), {node.name}, &node);
  made->attributes = std::move(attributes);
  TRY(ops::infer(*made));
  return made->output(0);
}

Result<Value*> cast(Node& node, Value* value, DType type) {
  return add(node, "", "Cast", {value}, {{"to", static_cast<std::int64_t>(type)}});
}

// Input 0 in the type in which trees compare: f64 stays, everything else becomes f32, as thresholds are f32 then.
// An integer above 2^24 is rounded by that, before it is compared.
Result<std::pair<Value*, DType>> real_input(Node& node) {
  Value* x = node.input(0);
  DType element = x->type.element;
  if (element == DType::f32 || element == DType::f64) return std::pair(x, element);
  return std::pair(TRY(cast(node, x, DType::f32)), DType::f32);
}

// `value` takes the place and the name of the node's output `index`. The caller erases the node once all of its outputs
// are replaced.
void give(Node& node, std::size_t index, Value* value) {
  // Replaced before it is renamed: two values of a graph cannot have one name.
  Value* old = node.output(index);
  if (old == nullptr) return;
  std::string name = old->name;
  value->type = old->type;
  node.graph().replace_uses(old, value);
  if (!value->is_input()) {
    node.graph().rename(old, name + ".replaced");
    node.graph().rename(value, name);
  }
}

// The scores with the post transform applied, as type `to`.
Result<Value*> finished(Node& node, Value* scores, DType from, DType to, const std::string& transform) {
  if (transform != "NONE")
    scores = TRY(add(node, "modelctl", "PostTransform", {scores}, {{"post_transform", transform}}));
  if (from != to) scores = TRY(cast(node, scores, to));
  return scores;
}

constexpr std::string_view aggregates = "SUM AVERAGE MIN MAX";
// The attribute's spelling as modelctl::TreeEnsemble has it.
std::string_view aggregate_of(const Attributes& attributes) {
  constexpr std::string_view ours[] = {"sum", "average", "min", "max"};
  return ours[choice_of(attributes, "aggregate_function", aggregates)];
}

Result<void> infer_classifier(Inference& call) {
  return infer_classifier(call, "classlabels_strings", "classlabels_int64s");
}

// Scores start as NaN, which marks a label without any weight: such a label is never chosen. A binary model may have
// weights for one label only; its one score then stands for both, with rules of its own (modelctl::TreeLabels), for
// which it matters whether all weights are positive, that is, whether they are probabilities.
Result<void> decompose_classifier(Node& node) {
  const Attributes& attributes = node.attributes;
  ClassLabels labels = TRY(read_labels(attributes, "classlabels_strings", "classlabels_int64s"));
  auto classes = static_cast<std::int64_t>(labels.size());
  if (classes < 2) return refuse("it must have two labels or more");
  std::string transform(attributes.text("post_transform", "NONE"));
  Forest forest = TRY(read_named_forest(attributes, "class", classes));
  // The base values are not given to the trees: whether a label had a weight must be known before they are added.
  forest.unscored = std::numeric_limits<float>::quiet_NaN();
  auto base = TRY(numbers_of(attributes, "base_values"));
  std::set<std::int64_t> weighed;  // labels that have a weight
  bool all_positive = true;
  for (const ForestNode& each : forest.nodes) {
    for (const ForestWeight& weight : each.weights) {
      weighed.insert(weight.target);
      all_positive = all_positive && weight.value >= 0;
    }
  }
  // In a binary model one score can stand for both labels.
  bool one_label = classes == 2 && weighed.size() == 1;
  // With weights for one label of two, a single base value is accepted: that of the first label.
  if (!base.empty() && base.size() != labels.size() && !(one_label && base.size() == 1)) {
    return refuse("there must be one base value for each label");
  }
  auto [x, type] = TRY(real_input(node));
  Value* scores = TRY(add_tree_ensemble(node, x, type, forest));
  std::vector<Value*> inputs = {scores};
  if (!base.empty()) {
    // In f64, whatever the type of the trees: TreeLabels adds them to scores that it reads as f64.
    Tensor tensor(DType::f64, {static_cast<std::int64_t>(base.size())});
    std::copy(base.begin(), base.end(), tensor.mutable_view().as<double>().begin());
    inputs.push_back(node.graph().add_constant(node.name + ".base", std::move(tensor)));
  }
  Node* chosen = node.graph().add_node("modelctl", "TreeLabels", std::move(inputs), {node.name, node.name}, &node);
  chosen->name = node.name;
  chosen->attributes = {{"post_transform", transform},
                        {"one_label", static_cast<std::int64_t>(one_label)},
                        {"all_positive", static_cast<std::int64_t>(all_positive)}};
  TRY(ops::infer(*chosen));
  Value* label = chosen->output(0);
  bool counted = labels.numbers != nullptr;  // labels 0, 1, 2, … are the index itself, and need no Gather
  for (std::int64_t i = 0; counted && i < classes; ++i) counted = (*labels.numbers)[static_cast<std::size_t>(i)] == i;
  if (!counted) {
    Tensor names =
        labels.texts != nullptr ? Tensor::of_strings({classes}, *labels.texts) : Tensor::of_ints(*labels.numbers);
    label =
        TRY(add(node, "", "Gather", {node.graph().add_constant(node.name + ".labels", std::move(names)), label}, {}));
  }
  give(node, 0, label);
  give(node, 1, chosen->output(1));
  node.graph().erase(&node);
  return {};
}

Result<void> infer_regressor(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, DType::f32, Shape{rows_of(call), Expr(call.attributes().integer("n_targets", 1))});
  return {};
}

// n_targets comes from the model and decides the size of every row of scores, so it is bounded.
Result<void> decompose_regressor(Node& node) {
  std::int64_t targets = node.attributes.integer("n_targets", 1);
  if (targets < 1 || targets > std::int64_t{1} << 20) return refuse("n_targets cannot be " + std::to_string(targets));
  Forest forest = TRY(read_named_forest(node.attributes, "target", targets));
  forest.aggregate = aggregate_of(node.attributes);
  forest.base = TRY(numbers_of(node.attributes, "base_values"));
  if (!forest.base.empty() && static_cast<std::int64_t>(forest.base.size()) != targets) {
    return refuse("there must be one base value for each target");
  }
  std::string transform(node.attributes.text("post_transform", "NONE"));
  auto [x, type] = TRY(real_input(node));
  Value* scores = TRY(add_tree_ensemble(node, x, type, forest));
  // ONNX Runtime applies no post transform except PROBIT to a single target.
  if (targets == 1 && transform != "PROBIT") transform = "NONE";
  give(node, 0, TRY(finished(node, scores, type, DType::f32, transform)));
  node.graph().erase(&node);
  return {};
}

// Version 5: the output has the input's type, not always f32.
Result<void> infer_ensemble(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, call.element(0), Shape{rows_of(call), Expr(call.attributes().integer("n_targets", 1))});
  return {};
}

// Version 5 spells modes, aggregates and post transforms as numbers, and roots explicitly.
Result<void> decompose_ensemble(Node& node) {
  // In the order of the specification's numbers.
  constexpr std::string_view ways[] = {"average", "sum", "min", "max"};
  constexpr std::string_view transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  std::int64_t way = node.attributes.integer("aggregate_function", 1);
  std::int64_t transform = node.attributes.integer("post_transform");
  if (way < 0 || way > 3) return refuse("aggregate_function cannot be " + std::to_string(way));
  if (transform < 0 || transform > 4) return refuse("post_transform cannot be " + std::to_string(transform));
  Forest forest = TRY(read_indexed_forest(node.attributes));
  forest.aggregate = ways[way];
  DType element = node.input(0)->type.element;
  // f16 is compared in f32, where every f16 is exact, and the scores are rounded to it at the end.
  auto [x, type] = TRY(real_input(node));
  Value* scores = TRY(add_tree_ensemble(node, x, type, forest));
  std::string name(transforms[transform]);
  if (forest.n_targets == 1 && name != "PROBIT") name = "NONE";
  give(node, 0, TRY(finished(node, scores, type, element, name)));
  node.graph().erase(&node);
  return {};
}

constexpr AttributeDef base_values = {"base_values", AttributeType::numbers, "added to the sums; 0 if absent"};
constexpr AttributeDef base_tensor = {"base_values_as_tensor", AttributeType::tensor, "the same in f64"};
constexpr AttributeDef node_falses = {"nodes_falsenodeids", AttributeType::integers, "the child where the test fails"};
constexpr AttributeDef node_features = {"nodes_featureids", AttributeType::integers, "the column that is tested"};
constexpr AttributeDef node_hits = {"nodes_hitrates", AttributeType::numbers, "has no effect"};
constexpr AttributeDef node_hits_tensor = {"nodes_hitrates_as_tensor", AttributeType::tensor, "has no effect"};
constexpr AttributeDef node_missing = {"nodes_missing_value_tracks_true", AttributeType::integers,
                                       "1: NaN passes the test; 0 if absent"};
constexpr AttributeDef node_modes = {"nodes_modes", AttributeType::texts,
                                     "LEAF, or the test: BRANCH_LEQ, _LT, _GTE, _GT, _EQ, _NEQ"};
constexpr AttributeDef node_ids = {"nodes_nodeids", AttributeType::integers, "each node's id in its tree"};
constexpr AttributeDef node_trees = {"nodes_treeids", AttributeType::integers, "each node's tree"};
constexpr AttributeDef node_trues = {"nodes_truenodeids", AttributeType::integers, "the child where the test passes"};
constexpr AttributeDef node_values = {"nodes_values", AttributeType::numbers, "what the column is compared with"};
constexpr AttributeDef node_values_tensor = {"nodes_values_as_tensor", AttributeType::tensor, "the same in f64"};

constexpr AttributeDef of_classifier[] = {
    base_values,
    base_tensor,
    {"class_ids", AttributeType::integers, "each weight's label, as an index"},
    {"class_nodeids", AttributeType::integers, "each weight's leaf"},
    {"class_treeids", AttributeType::integers, "each weight's tree"},
    {"class_weights", AttributeType::numbers, "what a leaf adds to the label's score"},
    {"class_weights_as_tensor", AttributeType::tensor, "the same in f64"},
    {"classlabels_int64s", AttributeType::integers, "the labels, if they are numbers"},
    {"classlabels_strings", AttributeType::texts, "the labels, if they are strings"},
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
    post_transform_attribute};
constexpr AttributeDef of_regressor[] = {
    text_choice("aggregate_function", aggregates, "how the leaves of the trees are joined"),
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
    post_transform_attribute,
    {"target_ids", AttributeType::integers, "each weight's target"},
    {"target_nodeids", AttributeType::integers, "each weight's leaf"},
    {"target_treeids", AttributeType::integers, "each weight's tree"},
    {"target_weights", AttributeType::numbers, "what a leaf adds to the target"},
    {"target_weights_as_tensor", AttributeType::tensor, "the same in f64"}};

constexpr AttributeDef of_ensemble[] = {
    {"aggregate_function", AttributeType::integer, "0: mean; 1 if absent: sum; 2: min; 3: max"},
    {"leaf_targetids", AttributeType::integers, "each leaf's target", true},
    {"leaf_weights", AttributeType::tensor, "what each leaf says", true},
    {"membership_values", AttributeType::tensor, "the sets of tests for membership, in their order, NaN behind each"},
    {"n_targets", AttributeType::integer, "how many targets"},
    {"nodes_falseleafs", AttributeType::integers, "1: the child where the test fails is a leaf", true},
    {"nodes_falsenodeids", AttributeType::integers, "the child where the test fails", true},
    {"nodes_featureids", AttributeType::integers, "the column that is tested", true},
    {"nodes_hitrates", AttributeType::tensor, "has no effect"},
    {"nodes_missing_value_tracks_true", AttributeType::integers, "1: NaN passes the test; 0 if absent"},
    {"nodes_modes", AttributeType::tensor, "the test: 0 <=, 1 <, 2 >=, 3 >, 4 ==, 5 !=, 6 member of a set", true},
    {"nodes_splits", AttributeType::tensor, "what the column is compared with", true},
    {"nodes_trueleafs", AttributeType::integers, "1: the child where the test passes is a leaf", true},
    {"nodes_truenodeids", AttributeType::integers, "the child where the test passes", true},
    {"post_transform", AttributeType::integer,
     "0 if absent: none; 1: softmax; 2: logistic; 3: softmax of what is not 0; 4: probit"},
    {"tree_roots", AttributeType::integers, "the node that each tree begins with", true}};

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
    {
        .domain = "ai.onnx.ml",
        .name = "TreeEnsembleClassifier",
        .since = 3,
        .summary = "The label on which the trees agree most, and all scores.",
        .inputs = "X",
        .outputs = "Y Z",
        .types = "f32 f64 i64 i32",
        .attributes = of_classifier,
        .infer = infer_classifier,
        .decompose = decompose_classifier,
        .examples =
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
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "TreeEnsembleRegressor",
        .since = 3,
        .summary = "The sum, mean or extreme of what trees say.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_regressor,
        .infer = infer_regressor,
        .decompose = decompose_regressor,
        .examples =
            [] {
              Attributes one = stump("target", {0, 0}, {10, 20});
              one.set("n_targets", std::int64_t{1});
              one.set("base_values", std::vector<float>{0.5f});
              return Examples{
                  {"NaN fails the test", {f32({3, 1}, {0, 1, NAN})}, one, {f32({3, 1}, {10.5f, 20.5f, 20.5f})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "TreeEnsemble",
        .since = 5,
        .summary = "What the leaves of decision trees say of each row.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 f16",
        .attributes = of_ensemble,
        .infer = infer_ensemble,
        .decompose = decompose_ensemble,
        .examples =
            [] {
              Attributes tests{{"nodes_featureids", Ints{0, 1}},      {"nodes_modes", u8({2}, {6, 3})},
                               {"nodes_splits", f64({2}, {0, 2})},    {"nodes_truenodeids", Ints{1, 2}},
                               {"nodes_trueleafs", Ints{0, 1}},       {"nodes_falsenodeids", Ints{0, 1}},
                               {"nodes_falseleafs", Ints{1, 1}},      {"leaf_targetids", Ints{1, 0, 1}},
                               {"leaf_weights", f64({3}, {5, 6, 7})}, {"membership_values", f64({3}, {4, 1, NAN})},
                               {"n_targets", std::int64_t{2}},        {"tree_roots", Ints{0}}};
              return Examples{{"a test for membership above one for more",
                               {f64({3, 2}, {4, 3, 4, 2, 3, 3})},
                               tests,
                               {f64({3, 2}, {0, 7, 6, 0, 0, 5})}}};
            },
    },
};
}  // namespace

std::span<const OpDef> trees_ops() { return defs; }
std::span<const OpRun> trees_runs() { return {}; }

}  // namespace modelctl::ops
