// Decision trees: how their nodes are packed for walking. The build half packs them, the kernel and the operator's run
// half read them.
#pragma once

#include "kernels/kernel.hpp"

namespace modelctl::kernels {

enum class Branch : std::uint32_t { at_most, equal, member, leaf };

// One node: the test, and where its children are. They stand side by side, at `child` the one where the test fails and
// after it the one where it passes, and always after their parent, so that a walk ends. A leaf is its own
// child and has the threshold NaN, so that a walk stays there.
template <class T>
struct TreeNode {
  T threshold;
  std::uint32_t test;  // from below: 27 bits of the feature's column, 2 of Branch, …, and at the top whether NaN passes
  std::int32_t child;
  std::int32_t value;  // of a leaf, its number; of a test for membership, its set's
};
template <>
struct TreeNode<double> {
  double threshold;
  std::uint32_t test;
  std::int32_t child;
  std::int32_t value;
  std::int32_t unused = 0;
};
inline constexpr std::int64_t largest_feature = (std::int64_t{1} << 27) - 1;

constexpr std::uint32_t tree_test(std::int64_t feature, Branch branch, bool missing_passes) {
  return static_cast<std::uint32_t>(feature) | static_cast<std::uint32_t>(branch) << 27 |
         static_cast<std::uint32_t>(missing_passes) << 31;
}
constexpr std::size_t feature_of(std::uint32_t test) { return test & static_cast<std::uint32_t>(largest_feature); }
constexpr Branch branch_of(std::uint32_t test) { return static_cast<Branch>(test >> 27 & 3); }
constexpr bool missing_passes(std::uint32_t test) { return test >> 31 != 0; }

// An ensemble as modelctl::TreeEnsemble and the kernel of that name take it; T is f32 or f64, as X is.
//   inputs: X, nodes (i32, a row of words for each), roots, starts, targets (i32), weights, base?, set_starts? (i32),
//   members?
// Leaf i adds weights[starts[i]] … weights[starts[i+1] - 1], each to its target. Set i has members[set_starts[i]] … .
//   attributes: n_targets; aggregate (sum, average, min or max); unscored, what a target that no leaf spoke of has
enum class Aggregate { sum, average, least, most };
template <class T>
struct Trees {
  std::span<const TreeNode<T>> nodes;
  std::span<const std::int32_t> roots, starts, targets;
  std::span<const T> weights, base;
  std::span<const std::int32_t> set_starts;
  std::span<const T> members;
  std::int64_t n_targets = 1;
  Aggregate aggregate = Aggregate::sum;
  T unscored = 0;

  // The score of a target after all trees; NaN if no tree has added to it.
  T finish(T score, std::size_t target) const {
    if (score != score) score = unscored;
    if (aggregate == Aggregate::average) score /= static_cast<T>(roots.size());
    return base.empty() ? score : score + base[target];
  }
  T join(T score, T weight) const {
    if (score != score) return weight;
    if (aggregate == Aggregate::least) return weight < score ? weight : score;
    if (aggregate == Aggregate::most) return weight > score ? weight : score;
    return score + weight;
  }
};

// Checks all that a walk relies on, for rows of `columns` numbers.
template <class T>
Result<Trees<T>> read_trees(std::span<const TensorView> inputs, const Attributes& attributes, std::int64_t columns);

}  // namespace modelctl::kernels
