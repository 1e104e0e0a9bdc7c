// Walks rows through decision trees. A walk is a chain of dependent loads, so several rows go through a tree at once:
// the loads of one row hide behind those of the others. Everything that a walk indexes with is checked when it is
// bound.
#include "kernels/tree_ensemble.hpp"

#include "kernels/bind/operands.hpp"
#include "tensor/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace modelctl::kernels {
namespace {

Error bad(std::string why) {
  return Error(Kind::bad_input, "bad-operands", "cannot use these trees: " + std::move(why));
}

template <class E>
Result<std::span<const E>> list(std::span<const TensorView> inputs, std::size_t at, bool needed) {
  if (at >= inputs.size() || !inputs[at].present()) {
    if (needed) return bad("input " + std::to_string(at) + " is missing");
    return std::span<const E>();
  }
  const TensorView& view = inputs[at];
  if (view.type != dtype_of<E>) return bad("input " + std::to_string(at) + " is of another type");
  if (view.data == nullptr && view.elements() > 0) return bad("input " + std::to_string(at) + " is not a constant");
  return view.as<E>();
}

// Starts of `count` runs in a list of `size`, and its end.
bool are_starts(std::span<const std::int32_t> starts, std::size_t size) {
  return !starts.empty() && starts.front() == 0 && static_cast<std::size_t>(starts.back()) == size &&
         std::is_sorted(starts.begin(), starts.end());
}

bool all_below(std::span<const std::int32_t> list, std::int64_t bound) {
  return std::all_of(list.begin(), list.end(), [&](std::int32_t at) { return at >= 0 && at < bound; });
}

constexpr std::int64_t lanes = 8;      // rows that walk one tree side by side
constexpr std::int64_t block = 64;     // rows that one tile takes through all trees
constexpr std::int64_t enough = 4096;  // trees times rows of a tile

template <class T>
class TreeEnsemble final : public Bound {
 public:
  TreeEnsemble(Trees<T> trees, std::int64_t rows, std::int64_t columns)
      : trees_(trees), rows_(rows), columns_(columns) {
    plain_ = std::none_of(trees.nodes.begin(), trees.nodes.end(), [](const TreeNode<T>& node) {
      return branch_of(node.test) == Branch::equal || branch_of(node.test) == Branch::member;
    });
    single_ = trees.n_targets == 1 && trees.weights.size() + 1 == trees.starts.size() &&
              trees.aggregate <= Aggregate::average && !trees.roots.empty() &&
              std::adjacent_find(trees.starts.begin(), trees.starts.end()) == trees.starts.end();
    auto count = static_cast<std::int64_t>(trees.roots.size());
    tile_ = std::max<std::int64_t>(enough / std::max<std::int64_t>(count, 1) / lanes * lanes, lanes);
    tile_ = std::min(tile_, block);
  }

  void run(const RunCall& call) const override {
    const T* x = static_cast<const T*>(call.inputs[0]);
    T* y = static_cast<T*>(call.outputs[0]);
    call.workers.for_each_tile(ceil_div(rows_, tile_), [&](std::int64_t index) {
      const std::int64_t first = index * tile_, count = std::min(tile_, rows_ - first);
      T* scores = y + first * trees_.n_targets;
      std::fill(scores, scores + count * trees_.n_targets, single_ ? T(0) : std::numeric_limits<T>::quiet_NaN());
      for (std::int32_t root : trees_.roots) {
        for (std::int64_t row = 0; row < count; row += lanes) {
          const std::int64_t used = std::min(lanes, count - row);
          const T* rows = x + (first + row) * columns_;
          T* out = scores + row * trees_.n_targets;
          if (used > 4) traverse<lanes>(root, rows, out, used);
          else if (used > 1) traverse<4>(root, rows, out, used);
          else traverse<1>(root, rows, out, used);
        }
      }
      for (std::int64_t i = 0; i < count * trees_.n_targets; ++i) {
        scores[i] = trees_.finish(scores[i], static_cast<std::size_t>(i % trees_.n_targets));
      }
    });
  }

 private:
  // Takes `used` of at most `n` rows through one tree and adds what their leaves say; if rows are missing, the last
  // one walks again. The rows' steps are independent of each other, so
  // that one waits for memory while another is compared.
  template <std::int64_t n>
  void traverse(std::int32_t root, const T* rows, T* scores, std::int64_t used) const {
    std::int32_t at[n];
    std::fill(at, at + n, root);
    std::int32_t moved = 1;
    while (moved != 0) {
      moved = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const TreeNode<T>& node = trees_.nodes[static_cast<std::size_t>(at[i])];
        const T value = rows[std::min(i, used - 1) * columns_ + static_cast<std::int64_t>(feature_of(node.test))];
        const bool passes = plain_ ? value <= node.threshold : compare(node, value);
        const std::int32_t next =
            node.child + static_cast<std::int32_t>(passes | (missing_passes(node.test) & (value != value)));
        moved |= next ^ at[i];
        at[i] = next;
      }
    }
    for (std::int64_t i = 0; i < used; ++i) {
      const auto leaf = static_cast<std::size_t>(trees_.nodes[static_cast<std::size_t>(at[i])].value);
      T* row = scores + i * trees_.n_targets;
      if (single_) {
        row[0] += trees_.weights[leaf];
        continue;
      }
      for (auto w = static_cast<std::size_t>(trees_.starts[leaf]);
           w < static_cast<std::size_t>(trees_.starts[leaf + 1]); ++w) {
        T& score = row[trees_.targets[w]];
        score = trees_.join(score, trees_.weights[w]);
      }
    }
  }

  bool compare(const TreeNode<T>& node, T value) const {
    switch (branch_of(node.test)) {
      case Branch::at_most: return value <= node.threshold;
      case Branch::equal: return value == node.threshold;
      case Branch::leaf: return false;
      case Branch::member: break;
    }
    const auto* starts = trees_.set_starts.data() + node.value;
    return std::binary_search(trees_.members.begin() + starts[0], trees_.members.begin() + starts[1], value);
  }

  Trees<T> trees_;
  std::int64_t rows_, columns_, tile_;
  bool plain_;   // every test is at_most
  bool single_;  // one target, one weight to each leaf, and sums
};

template <class T>
Result<std::unique_ptr<Bound>> bind_of(const Operands& operands, const BindCall& call) {
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  if (x.rank() < 1 || x.rank() > 2 || !element_count(x.dims)) return operands.refuse("X must be rows of numbers");
  const std::int64_t columns = x.dims.back(), rows = x.rank() == 2 ? x.dim(0) : 1;
  Trees<T> trees = TRY(read_trees<T>(call.inputs, call.attributes, columns));
  TRY(operands.dims("Y", y, {rows, trees.n_targets}));
  if (y.type != x.type) return operands.refuse("Y is of another type than X");
  return std::make_unique<TreeEnsemble<T>>(trees, rows, columns);
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("tree_ensemble", call);
  if (call.inputs.empty() || call.outputs.size() != 1) return operands.refuse("it has one output");
  if (call.inputs[0].type == DType::f64) return bind_of<double>(operands, call);
  if (call.inputs[0].type == DType::f32) return bind_of<float>(operands, call);
  return operands.refuse("X must be f32 or f64");
}

constexpr KernelDef table[] = {{"tree_ensemble", bind}};

}  // namespace

template <class T>
Result<Trees<T>> read_trees(std::span<const TensorView> inputs, const Attributes& attributes, std::int64_t columns) {
  Trees<T> trees;
  auto words = TRY(list<std::int32_t>(inputs, 1, true));
  constexpr std::size_t width = sizeof(TreeNode<T>) / sizeof(std::int32_t);
  if (words.size() % width != 0 || reinterpret_cast<std::uintptr_t>(words.data()) % alignof(TreeNode<T>) != 0) {
    return bad("the nodes are not packed");
  }
  trees.nodes = {reinterpret_cast<const TreeNode<T>*>(words.data()), words.size() / width};
  trees.roots = TRY(list<std::int32_t>(inputs, 2, true));
  trees.starts = TRY(list<std::int32_t>(inputs, 3, true));
  trees.targets = TRY(list<std::int32_t>(inputs, 4, true));
  trees.weights = TRY(list<T>(inputs, 5, true));
  trees.base = TRY(list<T>(inputs, 6, false));
  trees.set_starts = TRY(list<std::int32_t>(inputs, 7, false));
  trees.members = TRY(list<T>(inputs, 8, false));
  trees.n_targets = attributes.integer("n_targets", 1);
  trees.unscored = static_cast<T>(attributes.number("unscored"));
  const std::string_view names[] = {"sum", "average", "min", "max"};
  const auto* way = std::find(std::begin(names), std::end(names), attributes.text("aggregate", "sum"));
  if (way == std::end(names)) return bad("there is no such aggregate");
  trees.aggregate = static_cast<Aggregate>(way - std::begin(names));
  if (trees.n_targets < 1 || trees.n_targets > largest_size) return bad("n_targets is out of range");
  if (!trees.base.empty() && static_cast<std::int64_t>(trees.base.size()) != trees.n_targets) {
    return bad("there is not one base value for each target");
  }
  const auto count = static_cast<std::int64_t>(trees.nodes.size());
  if (!all_below(trees.roots, count)) return bad("a root is not a node");
  if (!are_starts(trees.starts, trees.weights.size()) || trees.targets.size() != trees.weights.size()) {
    return bad("the leaves' weights are out of order");
  }
  if (!all_below(trees.targets, trees.n_targets)) return bad("a weight is for no target");
  if (!trees.set_starts.empty() && !are_starts(trees.set_starts, trees.members.size()))
    return bad("the starts of sets are invalid");
  for (std::int64_t i = 0; i < count; ++i) {
    const TreeNode<T>& node = trees.nodes[static_cast<std::size_t>(i)];
    if (static_cast<std::int64_t>(feature_of(node.test)) >= columns) {
      return bad("a node asks for column " + std::to_string(feature_of(node.test)) + " of " + std::to_string(columns));
    }
    const Branch branch = branch_of(node.test);
    const bool is_leaf = branch == Branch::leaf;
    const bool stays = node.child == i && node.threshold != node.threshold && !missing_passes(node.test);
    if (is_leaf ? !stays : node.child <= i || node.child >= count - 1)
      return bad("a node's child is not a node behind it");
    const std::size_t values = is_leaf ? trees.starts.size() : branch == Branch::member ? trees.set_starts.size() : 2;
    if (node.value < 0 || static_cast<std::size_t>(node.value) + 1 >= values) return bad("a node has no such value");
  }
  return trees;
}

template Result<Trees<float>> read_trees(std::span<const TensorView>, const Attributes&, std::int64_t);
template Result<Trees<double>> read_trees(std::span<const TensorView>, const Attributes&, std::int64_t);

std::span<const KernelDef> tree_ensemble_kernels() { return table; }

}  // namespace modelctl::kernels
