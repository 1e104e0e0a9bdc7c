// Patterns are matched backwards, from a node to what made its inputs: each value has one producer and may have many
// uses.
#include "passes/rewriting/match.hpp"

#include "ops/schema/operator.hpp"

#include <algorithm>

namespace modelctl::passes {

using graph::Graph;
using graph::Node;
using graph::Value;

bool used_once(const Value& value) {
  return value.uses().size() == 1 && &value.uses()[0].node->graph() == &value.graph() && !value.is_output();
}

Node* producer(const Value* value, std::string_view op, std::string_view domain) {
  if (value == nullptr || value->producer() == nullptr || !value->producer()->is(op, domain)) return nullptr;
  return value->index() == 0 ? value->producer() : nullptr;
}

const Tensor* constant(const Value* value, DType type) {
  return value != nullptr && value->is_constant() && value->constant.type() == type ? &value->constant : nullptr;
}

std::optional<float> scalar(const Value* value) {
  const Tensor* tensor = constant(value);
  if (tensor == nullptr || tensor->elements() != 1) return std::nullopt;
  return tensor->as<float>()[0];
}

std::optional<std::vector<std::int64_t>> integers(const Value* value) {
  const Tensor* tensor = constant(value, DType::i64);
  if (tensor == nullptr || tensor->dims().size() > 1) return std::nullopt;
  auto elements = tensor->as<std::int64_t>();
  return std::vector<std::int64_t>(elements.begin(), elements.end());
}

Operands operand_from(const Node& node, std::string_view op) {
  for (std::size_t side : {0u, 1u}) {
    if (Node* made = producer(node.input(side), op); made != nullptr) return {made, node.input(1 - side)};
  }
  return {};
}

bool same_shape(const Value& a, const Value& b) {
  return a.type.shape && b.type.shape && *a.type.shape == *b.type.shape;
}

bool same_attributes(const Attributes& a, const Attributes& b) {
  if (a.size() != b.size()) return false;
  return std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
    if (x.first != y.first || x.second.index() != y.second.index()) return false;
    if (const auto* tensor = std::get_if<Tensor>(&x.second)) return same(*tensor, std::get<Tensor>(y.second));
    return std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, Tensor>) return true;
          else return value == std::get<T>(y.second);
        },
        x.second);
  });
}

bool plain_f32(const Value* value) {
  return value != nullptr && value->type.element == DType::f32 && value->type.shape.has_value();
}

void replace(Node& node, Value* value) {
  Graph& graph = node.graph();
  graph.replace_uses(node.output(0), value);
  bool used = std::any_of(node.outputs().begin(), node.outputs().end(),
                          [](const Value* output) { return output != nullptr && output->is_used(); });
  if (!used) graph.erase(&node);
}

Node* replace_by_node(Node& node, std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                      Attributes attributes) {
  Node* made = node.graph().add_node(domain, op, std::move(inputs), {node.output(0)->name}, &node);
  made->name = node.name;
  made->attributes = std::move(attributes);
  made->output(0)->type = node.output(0)->type;
  replace(node, made->output(0));
  return made;
}

void replace_by_constant(Value* value, Tensor tensor) {
  Graph& graph = value->graph();
  std::string name = value->name;
  graph.rename(value, name + ".computed");
  graph.replace_uses(value, graph.add_constant(name, std::move(tensor)));
}

void release_if_unused(Value* value) {
  if (value != nullptr && value->is_constant() && !value->is_used()) value->constant = Tensor();
}

std::size_t for_each_node(Graph& graph, bool (*body)(Node& node)) {
  std::size_t changes = 0;
  std::vector<Graph*> graphs;
  for_each_graph(graph, [&](Graph& each) { graphs.push_back(&each); });
  for (Graph* each : graphs) {
    each->for_each_node([&](Node& node) { changes += body(node) ? 1 : 0; });
  }
  return changes;
}

graph::Node* plain_product(const graph::Value* value) {
  graph::Node* node = value == nullptr || value->index() != 0 ? nullptr : value->producer();
  const ops::OpDef* def = node == nullptr ? nullptr : ops::find(node->domain, node->op);
  return def == nullptr || !def->traits.epilogue || node->attributes.has("activation") ? nullptr : node;
}

graph::Node* open_product(const graph::Value* value) {
  graph::Node* node = plain_product(value);
  return node != nullptr && used_once(*value) && node->input(3) == nullptr ? node : nullptr;
}

}  // namespace modelctl::passes
