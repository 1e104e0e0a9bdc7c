// Trees as the operators of ai.onnx.ml write them, and their conversion to modelctl::TreeEnsemble. Build half.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl::ops {

enum class TreeMode { leq, lt, gte, gt, eq, neq, member, leaf };

struct ForestWeight {
  std::int64_t target;
  double value;
};

struct ForestNode {
  TreeMode mode = TreeMode::leaf;
  std::int64_t feature = 0;
  double threshold = 0;
  bool missing_passes = false;
  std::size_t if_true = 0, if_false = 0;  // nodes
  std::vector<double> members;            // of a test for membership
  std::vector<ForestWeight> weights;      // of a leaf
};

struct Forest {
  std::vector<ForestNode> nodes;
  std::vector<std::size_t> roots;
  std::int64_t n_targets = 1;
  std::vector<double> base;  // one for each target; empty: none
  // What the attributes say of how leaves are joined; "sum" and the like.
  std::string aggregate = "sum";
  float unscored = 0;
};

// A list of numbers, as floats or (…_as_tensor) as a tensor of f64.
Result<std::vector<double>> numbers_of(const Attributes& attributes, const std::string& name);

// The forms of TreeEnsembleClassifier (`kind` "class") and TreeEnsembleRegressor ("target").
Result<Forest> read_named_forest(const Attributes& attributes, const std::string& kind, std::int64_t targets);
// The form of TreeEnsemble.
Result<Forest> read_indexed_forest(const Attributes& attributes);

// Makes modelctl::TreeEnsemble of it before `node`, over the node's first input, which is of `type` (f32 or f64);
// returns the scores. Fails if nodes form a cycle.
Result<graph::Value*> add_tree_ensemble(graph::Node& node, graph::Value* x, DType type, const Forest& forest);

}  // namespace modelctl::ops
