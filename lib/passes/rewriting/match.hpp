// Queries with which passes match a pattern in a graph, and the ways to replace it.
#pragma once

#include "passes/pass.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace modelctl::passes {

// True if `value` has one use, by a node of its own graph: its producer can be fused into that node. A nested graph may
// run often or never, so that nothing is fused across its border.
bool used_once(const graph::Value& value);
// The node that makes `value`, if it is that operator; null otherwise.
graph::Node* producer(const graph::Value* value, std::string_view op, std::string_view domain = "");

// The tensor of a constant value; null if it is not constant or not of that type.
const Tensor* constant(const graph::Value* value, DType type = DType::f32);
// The one element of a constant of one element, of any rank.
std::optional<float> scalar(const graph::Value* value);
// The elements of a constant i64 vector or scalar.
std::optional<std::vector<std::int64_t>> integers(const graph::Value* value);

bool same_shape(const graph::Value& a, const graph::Value& b);
bool same_attributes(const Attributes& a, const Attributes& b);
// True if the type is f32 with a known rank.
bool plain_f32(const graph::Value* value);

// Of a commutative operation: the operand that `op` makes, with its node, and the other one; null if there is none.
struct Operands {
  graph::Node* node = nullptr;
  graph::Value* other = nullptr;
};
Operands operand_from(const graph::Node& node, std::string_view op);

// The product with an epilogue (Traits::epilogue) that makes the value and has no activation yet; null: there is none.
graph::Node* plain_product(const graph::Value* value);
// Such a product that can still take a bias or residual in: it has no residual, and nothing else uses its value.
graph::Node* open_product(const graph::Value* value);

// Every use of the node's first output becomes a use of `value`; the node is erased if nothing else uses it.
void replace(graph::Node& node, graph::Value* value);
// The same, with the output of a new node of that name, which has the type of the old one.
graph::Node* replace_by_node(graph::Node& node, std::string_view domain, std::string_view op,
                             std::vector<graph::Value*> inputs, Attributes attributes = {});

// Every use of the value becomes a use of a constant of its name; what made it stays.
void replace_by_constant(graph::Value* value, Tensor tensor);

// Frees the memory of a constant without uses before the end of the pass erases it: a pass that computes all weights of
// a model again would otherwise hold them twice.
void release_if_unused(graph::Value* value);

// Runs `body` over every node of the graph and those below it, in order; body(node) returns whether it changed
// something, and may erase the node, others before it, and insert new ones.
std::size_t for_each_node(graph::Graph& graph, bool (*body)(graph::Node& node));

// What most passes are: `visit` at every node, then erasing what is dead.
template <bool (*visit)(graph::Node& node)>
Result<std::size_t> at_each_node(graph::Graph& graph, const PassContext&) {
  std::size_t changes = for_each_node(graph, visit);
  if (changes > 0) graph.erase_dead();
  return changes;
}

}  // namespace modelctl::passes
