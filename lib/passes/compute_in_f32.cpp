// y = Conv(x, w), of f16  ->  y = Cast[f16](Conv(Cast[f32](x), w of f32)), and between two such nodes no Cast; bf16 so.
// f16 and bf16 are storage types: there are kernels for f32, and CPUs compute in it. So numbers are widened where they
// enter, and rounded where something needs them as they were: an output, an operator that must see the rounded numbers
// (a comparison, ArgMax, Floor), the caller's memory. Between two widened nodes nothing is rounded, which ONNX leaves
// open and ONNX Runtime does alike; results lie nearer to the true ones. A Cast of the model's own always rounds.
// What an operator allows is a trait of its definition, OpDef::short_floats.
#include "base/check.hpp"
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using ops::ShortFloats;

bool is_short(const Value* value) {
  return value != nullptr && (value->type.element == DType::f16 || value->type.element == DType::bf16);
}

Attributes cast_to(DType type) { return {{"to", static_cast<std::int64_t>(type)}}; }

class Widening {
 public:
  explicit Widening(Graph& graph) : graph_(graph) {}

  std::size_t run() {
    graph_.for_each_node([this](Node& node) { visit(node); });
    for (auto& [value, wide] : wide_) {
      if (value->is_constant()) release_if_unused(value);
    }
    return changes_;
  }

 private:
  // The widened node is made beside the old one and takes its place only if inference gives it the types that the other
  // nodes expect; else it stays dead and is erased.
  void visit(Node& node) {
    const ops::OpDef* def = ops::find(node.domain, node.op);
    if (def == nullptr || !node.subgraphs.empty() || !wanted(node, def->short_floats)) return;
    std::vector<Value*> inputs = node.inputs();
    for (Value*& input : inputs) {
      if (is_short(input)) input = widened(input, node);
    }
    std::vector<std::string> names;
    for (const Value* output : node.outputs()) {
      names.push_back(output == nullptr ? "" : is_short(output) ? output->name + ".f32" : output->name);
    }
    Node* made = graph_.add_node(node.domain, node.op, std::move(inputs), names, &node);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (node.output(i) == nullptr) made->drop_output(i);
    }
    made->name = node.name;
    made->attributes = node.attributes;
    if (!ops::infer(*made) || !agrees(node, *made)) return;  // dead, and erased at the end
    for (std::size_t i = 0; i < names.size(); ++i) {
      Value* old = node.output(i);
      if (old == nullptr) continue;
      Value* wide = made->output(i);
      if (!wide->type.shape) wide->type.shape = old->type.shape;
      graph_.replace_uses(old, is_short(old) ? rounded(wide, *old, node) : wide);
    }
    graph_.erase(&node);
    ++changes_;
  }

  // Whether the node gains by f32: it computes, or moves what is there in f32 already. A cache that a decoder hands
  // from run to run is only moved, and stays what it is.
  bool wanted(const Node& node, ShortFloats policy) const {
    if (policy == ShortFloats::keep) return false;
    bool any = false, all_wide = true, computed = false;
    for (const Value* input : node.inputs()) {
      if (!is_short(input)) continue;
      any = true;
      const bool wide = rounded_.contains(input);
      computed = computed || wide;
      all_wide = all_wide && (wide || input->is_constant());
    }
    return any && (policy == ShortFloats::widen || (all_wide && computed));
  }

  // Every output is f32 if it was short, and otherwise of the type that it had. Indices that somebody reads tell
  // which of the rounded numbers were equal.
  static bool agrees(const Node& node, const Node& made) {
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      const Value* old = node.output(i);
      if (old == nullptr) continue;
      if (made.output(i)->type.element != (is_short(old) ? DType::f32 : old->type.element)) return false;
      if (is_integer(old->type.element) && old->is_used()) return false;
    }
    return true;
  }

  Value* widened(Value* value, Node& before) {
    if (auto found = wide_.find(value); found != wide_.end()) return found->second;
    Value* wide = nullptr;
    if (value->is_constant()) {
      wide = widened_constant(*value);
    } else {
      Node* cast = graph_.add_node("", "Cast", {value}, {value->name + ".f32"}, &before);
      cast->attributes = cast_to(DType::f32);
      cast->output(0)->type = {DType::f32, value->type.shape};
      wide = cast->output(0);
    }
    wide_.emplace(value, wide);
    return wide;
  }

  Value* widened_constant(const Value& value) {
    const TensorView views[] = {value.constant.view()};
    auto tensors = ops::evaluate("", "Cast", cast_to(DType::f32), views, 1);
    MODELCTL_CHECK(tensors.has_value(), "every short number is an f32");
    return graph_.add_constant(value.name + ".f32", std::move((*tensors)[0]));
  }

  // What of `old` uses it as it was; a node that is widened in its turn takes `wide`.
  Value* rounded(Value* wide, const Value& old, Node& before) {
    Node* cast = graph_.add_node("", "Cast", {wide}, {old.name}, &before);
    cast->attributes = cast_to(old.type.element);
    cast->output(0)->type = old.type;
    wide_.emplace(cast->output(0), wide);
    rounded_.insert(cast->output(0));
    return cast->output(0);
  }

  Graph& graph_;
  std::unordered_map<Value*, Value*> wide_;   // the f32 value that a short one is, or is rounded from
  std::unordered_set<const Value*> rounded_;  // the short values that widened nodes made
  std::size_t changes_ = 0;
};

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = 0;
  std::vector<Graph*> graphs;
  for_each_graph(graph, [&](Graph& each) { graphs.push_back(&each); });
  for (Graph* each : graphs) changes += Widening(*each).run();
  if (changes > 0) graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "compute-in-f32",
    .summary = "Computes f16 and bf16 in f32, and rounds where the numbers leave.",
    .phase = Phase::recognize,
    .order = 5,
    .run = run,
}};

}  // namespace

std::span<const PassDef> compute_in_f32_pass() { return defs; }

}  // namespace modelctl::passes
