// Reads the two forms in which ai.onnx.ml writes tree ensembles and packs their nodes for the kernel. What is not
// obvious: the "trees" are acyclic graphs, since converters let several nodes share a child.
#include "ops/family/forest.hpp"

#include "kernels/tree_ensemble.hpp"
#include "ops/reference/run.hpp"

#include <array>
#include <cmath>
#include <map>
#include <optional>

namespace modelctl::ops {
namespace {

using kernels::Branch;
using kernels::TreeNode;

Result<TreeMode> mode_of(std::string_view name) {
  constexpr std::string_view names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return refuse("nodes_modes has '" + std::string(name) + "', which is not a mode");
  return static_cast<TreeMode>(found - std::begin(names));
}

Result<std::vector<double>> numbers_of(const Tensor* tensor, std::string_view name) {
  std::vector<double> all;
  if (tensor == nullptr) return all;
  auto load = [&]<class T>() { all.assign(tensor->as<T>().begin(), tensor->as<T>().end()); };
  if (!with_type<TypeList<float, double, std::uint8_t>>(tensor->type(), load)) {
    if (tensor->type() != DType::f16)
      return refuse(std::string(name) + " is " + std::string(modelctl::name(tensor->type())));
    for (Half value : tensor->as<Half>()) all.push_back(static_cast<double>(static_cast<float>(value)));
  }
  return all;
}

// The largest T that is no more than `value`: x <= value stays the same for every x of type T.
template <class T>
T rounded_down(double value) {
  T near = static_cast<T>(value);
  return static_cast<double>(near) > value ? std::nextafter(near, -std::numeric_limits<T>::infinity()) : near;
}

constexpr std::size_t most_nodes = std::size_t{1} << 30;  // packed: their places are i32

// Every test becomes one for "at most", "equal" or "member": the opposite test swaps the children, and what is less
// than a threshold is at most the number before it.
bool swaps(TreeMode mode) { return mode == TreeMode::gte || mode == TreeMode::gt || mode == TreeMode::neq; }

// Where the packed test fails, and where it passes.
std::array<std::size_t, 2> children_of(const ForestNode& node) {
  if (swaps(node.mode)) return {node.if_true, node.if_false};
  return {node.if_false, node.if_true};
}

// The nodes that roots reach, each before its children: a walk from a root then never goes back. A depth-first search
// with its own stack, since trees can be as deep as they have nodes. It fails if nodes go in circles. The children
// where tests pass come last, so that of a tree the order is depth-first and neighbors share cache lines.
Result<std::vector<std::size_t>> topological_order(const Forest& forest) {
  enum class Visit : std::uint8_t { none, open, done };
  std::vector<Visit> visits(forest.nodes.size(), Visit::none);
  std::vector<std::size_t> order, stack;
  for (auto root = forest.roots.rbegin(); root != forest.roots.rend(); ++root) {
    stack.push_back(*root);
    while (!stack.empty()) {
      std::size_t at = stack.back();
      Visit& visit = visits[at];
      const ForestNode& node = forest.nodes[at];
      if (visit == Visit::none && node.mode != TreeMode::leaf) {
        visit = Visit::open;
        for (std::size_t child : children_of(node)) {
          if (visits[child] == Visit::open) return refuse("the nodes of a tree form a cycle");
          if (visits[child] == Visit::none) stack.push_back(child);
        }
        continue;
      }
      stack.pop_back();
      if (visit != Visit::done) order.push_back(at);
      visit = Visit::done;
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

template <class T>
class Packer {
 public:
  explicit Packer(const Forest& forest) : forest_(forest) {}

  // A child that several nodes share is packed once for each of them, since the two children of a node stand side by
  // side; its own children are not repeated. So there are at most two packed nodes for each test, whatever the graph.
  Result<void> run() {
    std::vector<std::size_t> order = TRY(topological_order(forest_));
    std::vector<std::size_t> origins;  // of the packed nodes
    std::vector<std::size_t> children(forest_.nodes.size(), 0);
    std::multimap<std::size_t, std::size_t> root_of;  // node -> its place among the roots
    for (std::size_t i = 0; i < forest_.roots.size(); ++i) root_of.emplace(forest_.roots[i], i);
    roots_.resize(forest_.roots.size());
    for (std::size_t from : order) {
      auto [first, last] = root_of.equal_range(from);
      for (; first != last; ++first) {
        roots_[first->second] = static_cast<std::int32_t>(origins.size());
        origins.push_back(from);
      }
      const ForestNode& node = forest_.nodes[from];
      if (node.mode == TreeMode::leaf) continue;
      children[from] = origins.size();
      for (std::size_t child : children_of(node)) origins.push_back(child);
      if (origins.size() > most_nodes) return refuse("there are too many nodes");
    }
    std::vector<std::optional<TreeNode<T>>> packed(forest_.nodes.size());
    for (std::size_t to = 0; to < origins.size(); ++to) {
      std::optional<TreeNode<T>>& node = packed[origins[to]];
      if (!node) node = pack(forest_.nodes[origins[to]], children[origins[to]]);
      nodes_.push_back(*node);
      if (kernels::branch_of(node->test) == Branch::leaf) nodes_.back().child = static_cast<std::int32_t>(to);
    }
    return {};
  }

  Result<graph::Value*> add(graph::Node& node, graph::Value* x) {
    graph::Graph& graph = node.graph();
    auto constant = [&](const char* what, Tensor tensor) -> graph::Value* {
      return graph.add_constant(node.name + "." + what, std::move(tensor));
    };
    starts_.push_back(static_cast<std::int32_t>(weights_.size()));
    if (!set_starts_.empty()) set_starts_.push_back(static_cast<std::int32_t>(members_.size()));
    constexpr auto width = static_cast<std::int64_t>(sizeof(TreeNode<T>) / sizeof(std::int32_t));
    Tensor nodes(DType::i32, {static_cast<std::int64_t>(nodes_.size()), width});
    if (!nodes_.empty()) std::memcpy(nodes.mutable_view().data, nodes_.data(), nodes.bytes().size());
    std::vector<graph::Value*> inputs = {x,
                                         constant("nodes", std::move(nodes)),
                                         constant("roots", tensor_of(roots_)),
                                         constant("starts", tensor_of(starts_)),
                                         constant("targets", tensor_of(targets_)),
                                         constant("weights", tensor_of(weights_)),
                                         nullptr};
    if (!forest_.base.empty()) {
      inputs[6] = constant("base", tensor_of(std::vector<T>(forest_.base.begin(), forest_.base.end())));
    }
    if (!set_starts_.empty()) {
      inputs.push_back(constant("set_starts", tensor_of(set_starts_)));
      inputs.push_back(constant("members", tensor_of(members_)));
    }
    while (inputs.back() == nullptr) inputs.pop_back();
    graph::Node* made = graph.add_node("modelctl", "TreeEnsemble", std::move(inputs), {node.name + ".scores"}, &node);
    made->name = node.name;
    made->attributes.set("n_targets", forest_.n_targets);
    made->attributes.set("aggregate", forest_.aggregate);
    made->attributes.set("unscored", forest_.unscored);
    TRY(ops::infer(*made));
    return made->output(0);
  }

 private:
  template <class E>
  static Tensor tensor_of(const std::vector<E>& values) {
    Tensor tensor(dtype_of<E>, {static_cast<std::int64_t>(values.size())});
    std::copy(values.begin(), values.end(), static_cast<E*>(tensor.mutable_view().data));
    return tensor;
  }

  // `children` is the place of the first child.
  TreeNode<T> pack(const ForestNode& node, std::size_t children) {
    TreeNode<T> packed{};
    if (node.mode == TreeMode::leaf) {
      packed.threshold = std::numeric_limits<T>::quiet_NaN();
      packed.test = kernels::tree_test(0, Branch::leaf, false);
      packed.value = static_cast<std::int32_t>(starts_.size());
      starts_.push_back(static_cast<std::int32_t>(weights_.size()));
      for (const ForestWeight& weight : node.weights) {
        targets_.push_back(static_cast<std::int32_t>(weight.target));
        weights_.push_back(static_cast<T>(weight.value));
      }
      return packed;
    }
    bool strict = node.mode == TreeMode::lt || node.mode == TreeMode::gte;
    double threshold = strict ? std::nextafter(node.threshold, -HUGE_VAL) : node.threshold;
    Branch branch = Branch::at_most;
    packed.threshold = rounded_down<T>(threshold);
    if (node.mode == TreeMode::eq || node.mode == TreeMode::neq) {
      branch = Branch::equal;
      packed.threshold = static_cast<T>(threshold);
      if (static_cast<double>(packed.threshold) != threshold) packed.threshold = std::numeric_limits<T>::quiet_NaN();
    }
    if (node.mode == TreeMode::member) {
      branch = Branch::member;
      packed.value = add_set(node.members);
    }
    // NaN fails every comparison except "not equal".
    bool missing_true = node.missing_passes || node.mode == TreeMode::neq;
    packed.test = kernels::tree_test(node.feature, branch, missing_true != swaps(node.mode));
    packed.child = static_cast<std::int32_t>(children);
    return packed;
  }

  // Members that T cannot represent equal no element of X.
  std::int32_t add_set(const std::vector<double>& members) {
    auto number = static_cast<std::int32_t>(set_starts_.size()), first = static_cast<std::int32_t>(members_.size());
    set_starts_.push_back(first);
    for (double member : members) {
      if (static_cast<double>(static_cast<T>(member)) == member) members_.push_back(static_cast<T>(member));
    }
    std::sort(members_.begin() + first, members_.end());
    return number;
  }

  const Forest& forest_;
  std::vector<TreeNode<T>> nodes_;
  std::vector<std::int32_t> roots_, starts_, targets_, set_starts_;
  std::vector<T> weights_, members_;
};

}  // namespace

Result<std::vector<double>> numbers_of(const Attributes& attributes, const std::string& name) {
  const Tensor* tensor = attributes.tensor(name + "_as_tensor");
  if (tensor != nullptr) return numbers_of(tensor, name);
  const auto& floats = attributes.numbers(name);
  return std::vector<double>(floats.begin(), floats.end());
}

// Nodes are named by (tree, id) and refer to each other by id within their tree.
Result<Forest> read_named_forest(const Attributes& attributes, const std::string& kind, std::int64_t targets) {
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
  forest.n_targets = targets;
  forest.nodes.resize(count);
  std::vector<bool> is_child(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    ForestNode& node = forest.nodes[i];
    node.mode = TRY(mode_of(modes[i]));
    node.threshold = thresholds[i];
    node.missing_passes = !missing.empty() && missing[i] != 0;
    if (node.mode == TreeMode::leaf) continue;
    if (node.mode == TreeMode::member) return refuse("nodes_modes has 'BRANCH_MEMBER', which is not a mode");
    auto on_true = places.find({tree[i], yes[i]}), on_false = places.find({tree[i], no[i]});
    if (on_true == places.end() || on_false == places.end()) return refuse("a node has no such child");
    node.if_true = on_true->second;
    node.if_false = on_false->second;
    is_child[node.if_true] = is_child[node.if_false] = true;
    if (feature[i] < 0 || feature[i] > kernels::largest_feature) {
      return refuse("a node asks for column " + std::to_string(feature[i]));
    }
    node.feature = feature[i];
  }
  // A node that is not a child is a root. Several nodes may share a child, as converters of categorical splits write
  // them: "in {1, 3}" becomes two tests for equality with one child where either passes.
  for (std::size_t i = 0; i < count; ++i) {
    if (is_child[i]) continue;
    if (!forest.roots.empty() && tree[forest.roots.back()] == tree[i]) return refuse("a tree has two roots");
    forest.roots.push_back(i);
  }
  if (TRY(topological_order(forest)).size() != count) return refuse("the nodes of a tree form a cycle");
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
    if (weight_target[i] < 0 || weight_target[i] >= targets) {
      return refuse("a weight is for " + kind + " " + std::to_string(weight_target[i]) + " of " +
                    std::to_string(targets));
    }
    forest.nodes[place->second].weights.push_back({weight_target[i], weights[i]});
  }
  return forest;
}

// Nodes and leaves are two lists, and nodes refer to entries of either by index. Sets of members follow one another,
// each with a NaN at its end.
Result<Forest> read_indexed_forest(const Attributes& attributes) {
  const auto &feature = attributes.integers("nodes_featureids"), &yes = attributes.integers("nodes_truenodeids"),
             &no = attributes.integers("nodes_falsenodeids"), &yes_leaf = attributes.integers("nodes_trueleafs"),
             &no_leaf = attributes.integers("nodes_falseleafs"), &target = attributes.integers("leaf_targetids"),
             &missing = attributes.integers("nodes_missing_value_tracks_true"),
             &roots = attributes.integers("tree_roots");
  auto modes = TRY(numbers_of(attributes.tensor("nodes_modes"), "nodes_modes"));
  auto splits = TRY(numbers_of(attributes.tensor("nodes_splits"), "nodes_splits"));
  auto weights = TRY(numbers_of(attributes.tensor("leaf_weights"), "leaf_weights"));
  auto members = TRY(numbers_of(attributes.tensor("membership_values"), "membership_values"));
  std::size_t count = feature.size();
  if (modes.size() != count || splits.size() != count || yes.size() != count || no.size() != count ||
      yes_leaf.size() != count || no_leaf.size() != count || (!missing.empty() && missing.size() != count)) {
    return refuse("the lists of nodes are of different lengths");
  }
  if (weights.size() != target.size()) return refuse("leaf_weights and leaf_targetids are of different lengths");
  Forest forest;
  forest.n_targets = attributes.integer("n_targets", 1);
  if (forest.n_targets < 1 || forest.n_targets > std::int64_t{1} << 20) {
    return refuse("n_targets cannot be " + std::to_string(forest.n_targets));
  }
  forest.nodes.resize(count);
  // Several nodes may refer to one leaf: each gets a copy, so that a packed node has one parent.
  auto child = [&](std::int64_t at, bool is_leaf, std::size_t& place) -> Result<void> {
    if (at < 0 || static_cast<std::size_t>(at) >= (is_leaf ? weights.size() : count)) {
      return refuse("a node has no such child");
    }
    place = static_cast<std::size_t>(at);
    if (!is_leaf) return {};
    ForestNode leaf;
    leaf.weights = {{target[place], weights[place]}};
    if (target[place] < 0 || target[place] >= forest.n_targets) {
      return refuse("a weight is for target " + std::to_string(target[place]) + " of " +
                    std::to_string(forest.n_targets));
    }
    place = forest.nodes.size();
    forest.nodes.push_back(std::move(leaf));
    return {};
  };
  auto member = members.begin();
  for (std::size_t i = 0; i < count; ++i) {
    if (!(modes[i] >= 0 && modes[i] <= 6)) return refuse("nodes_modes has a number that is not a mode");
    if (feature[i] < 0 || feature[i] > kernels::largest_feature) {
      return refuse("a node asks for column " + std::to_string(feature[i]));
    }
    ForestNode node;
    node.mode = static_cast<TreeMode>(modes[i]);
    node.feature = feature[i];
    node.threshold = splits[i];
    node.missing_passes = !missing.empty() && missing[i] != 0;
    TRY(child(yes[i], yes_leaf[i] != 0, node.if_true));
    TRY(child(no[i], no_leaf[i] != 0, node.if_false));
    if (node.mode == TreeMode::member) {
      auto end = std::find_if(member, members.end(), [](double value) { return value != value; });
      if (end == members.end()) return refuse("membership_values must have a NaN behind each set");
      node.members.assign(member, end);
      member = end + 1;
    }
    forest.nodes[i] = std::move(node);
  }
  for (std::int64_t root : roots) {
    if (root < 0 || static_cast<std::size_t>(root) >= count) return refuse("a root is not a node");
    forest.roots.push_back(static_cast<std::size_t>(root));
  }
  return forest;
}

Result<graph::Value*> add_tree_ensemble(graph::Node& node, graph::Value* x, DType type, const Forest& forest) {
  if (forest.nodes.size() > most_nodes) return refuse("there are too many nodes");
  auto pack = [&](auto packer) -> Result<graph::Value*> {
    TRY(packer.run());
    return packer.add(node, x);
  };
  return type == DType::f64 ? pack(Packer<double>(forest)) : pack(Packer<float>(forest));
}

}  // namespace modelctl::ops
