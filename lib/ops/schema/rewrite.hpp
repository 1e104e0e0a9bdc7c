// How an operator's decompose replaces its node by others.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl::ops {

// 0 if it is unknown.
inline std::size_t rank_of(const graph::Value* value) { return value->type.shape ? value->type.shape->size() : 0; }

// New nodes stand before the old one, named after it, with their types inferred as they are added.
class Rewrite {
 public:
  explicit Rewrite(graph::Node& node) : node_(node), place_(node.place()) {}

  // A node with one output, of ONNX's default domain.
  Result<graph::Value*> add(std::string_view op, std::vector<graph::Value*> inputs, Attributes attributes = {});
  // A node of any domain with several outputs; names of absent ones are empty.
  Result<graph::Node*> add_node(std::string_view domain, std::string_view op, std::vector<graph::Value*> inputs,
                                Attributes attributes, const std::vector<std::string>& outputs);
  graph::Value* constant(Tensor tensor);
  graph::Value* ints(std::vector<std::int64_t> values);  // i64, rank 1
  graph::Value* number(DType type, double value);        // rank 0

  // Parts of a value along an axis: of these sizes, or three equal ones.
  Result<std::vector<graph::Value*>> split(graph::Value* value, std::int64_t axis, const Dims& sizes = {});
  // One size of a value, i64 [1]; the numbers from 0 to it, i64.
  Result<graph::Value*> size(graph::Value* value, std::int64_t axis);
  Result<graph::Value*> positions(graph::Value* value, std::int64_t axis);

  // These values replace the old node's outputs (null: an output that is not replaced), and the node is erased.
  void finish(const std::vector<graph::Value*>& outputs);
  Error bad(std::string what) const;

 private:
  std::string label(std::string_view part) const;
  graph::Node& node_;
  std::string place_;
};

}  // namespace modelctl::ops
