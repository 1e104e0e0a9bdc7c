// Relu(Transpose[0,3,1,2](x))             ->  Transpose[0,3,1,2](Relu(x))
// Concat(Transpose(x), Transpose(y))      ->  Transpose(Concat(x, y)), its axis moved along
// Transpose of an x whose moved sizes are all 1  ->  Reshape
// It pays only if all operands come through such a Transpose or are constants: otherwise one Transpose would be traded
// for another.
//
// Why this converges, and is right. channels-last leaves every converted node between T' = Transpose[0,2,3,1] before it
// and T = Transpose[0,3,1,2] after it, and T'(T(x)) = x. If an operator f commutes with a permutation of the axes, then
// f(T(x)) = T(g(x)), where g is f with its axes renumbered by the permutation. The pass rewrites in this direction
// alone, so that each T moves toward the outputs of the graph, past one node per step, and never back; the graph has no
// cycles, so that the pass ends. A T that reaches the T' of the next convolution is canceled by erase-identities, and
// one that reaches an output of the graph stays there. What remains is one change of layout on each border between
// operators that have a form for channels last and operators that commute with no permutation (Reshape, MatMul, …).
//
// Which operators commute, and how g differs from f, follows from their traits (ops/schema/traits.hpp):
//   elementwise       g is f. Constant operands of fewer axes broadcast from the last axis, so that they get axes of
//                     size 1 in front before they are transposed themselves.
//   axis attribute    g works along the position that the axis has in x.
//   axes input        the same, for each listed axis.
//   per-axis inputs   g reads the numbers in the order of the axes of x.
//   data movement     with a form for channels last, g is that form: DepthToSpace means its axes by their positions.
// All constants that describe axes are known when the pass runs; if one is computed, the node stays.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/layout.hpp"
#include "passes/rewriting/match.hpp"

#include <algorithm>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using ops::AxisAttribute;
using ops::Traits;

// The position in channels last of the axis that is `axis` (which may count from the end) in channels first.
std::int64_t to_channels_last_axis(std::int64_t axis, std::size_t rank) {
  auto last = static_cast<std::int64_t>(rank) - 1;
  if (axis < 0) axis += last + 1;
  return axis == 0 ? 0 : axis == 1 ? last : axis - 1;
}

// x, if `value` is Transpose[0,3,1,2](x): an image with channels last that is read as one with channels first.
Value* transposed_source(const Value* value) {
  const Node* node = producer(value, "Transpose");
  if (node == nullptr || !value->type.shape || value->type.shape->size() < 3) return nullptr;
  bool reads_channels_last = node->attributes.integers("perm") == to_channels_first(value->type.shape->size());
  return reads_channels_last ? node->input(0) : nullptr;
}

// A constant operand with channels last; null if it has more axes than the image.
Value* constant_to_channels_last(Value* value, std::size_t rank) {
  const Tensor& tensor = value->constant;
  if (tensor.elements() == 1 && tensor.dims().size() <= rank) return value;
  if (tensor.dims().size() > rank || tensor.type() == DType::string) return nullptr;
  Dims dims(rank - tensor.dims().size(), 1);
  dims.insert(dims.end(), tensor.dims().begin(), tensor.dims().end());
  Tensor reshaped = tensor.reshaped(dims);
  TensorView view = reshaped.view();
  auto transposed = ops::evaluate("", "Transpose", {{"perm", to_channels_last(rank)}}, std::span(&view, 1), 1);
  return transposed ? value->graph().add_constant(value->name + ".last", std::move((*transposed)[0])) : nullptr;
}

// The node's first `count` inputs, each before its Transpose; empty if the node should stay.
// All or nothing: one operand that is neither transposed nor constant would need a Transpose of its own.
std::vector<Value*> sources_of(const Node& node, std::size_t count, std::size_t rank) {
  std::vector<Value*> sources;
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    Value* value = node.input(i);
    if (value == nullptr) return {};
    bool same_rank = value->type.shape && value->type.shape->size() == rank;
    Value* source = same_rank ? transposed_source(value) : nullptr;
    if (source == nullptr && !value->is_constant()) return {};
    any |= source != nullptr;
    sources.push_back(source == nullptr ? value : source);
  }
  if (!any) return {};
  for (Value*& value : sources) {
    if (value->is_constant()) value = constant_to_channels_last(value, rank);
    if (value == nullptr) return {};
  }
  return sources;
}

// A constant list of axes; null if it is computed.
Value* axes_to_channels_last(const Value& list, std::size_t rank) {
  auto axes = integers(&list);
  if (!axes || axes->empty()) return nullptr;
  for (std::int64_t& axis : *axes) axis = to_channels_last_axis(axis, rank);
  return list.graph().add_constant(list.name + ".last", Tensor::of_ints(*axes));
}

// Constant lists of one number for each axis, one list after another, in the order of channels last; null if they are
// computed, or are not that.
Value* numbers_to_channels_last(Value& lists, std::size_t rank) {
  if (!lists.is_constant()) return nullptr;
  const Tensor& tensor = lists.constant;
  const auto axes = static_cast<std::int64_t>(rank);
  if (tensor.elements() == 0) return &lists;
  if (tensor.dims().size() != 1 || tensor.elements() % axes != 0) return nullptr;
  Tensor rows = tensor.reshaped({tensor.elements() / axes, axes}), order = Tensor::of_ints(to_channels_last(rank));
  TensorView inputs[] = {rows.view(), order.view()};
  auto ordered = ops::evaluate("", "Gather", {{"axis", std::int64_t{1}}}, inputs, 1);
  if (!ordered) return nullptr;
  return lists.graph().add_constant(lists.name + ".last", (*ordered)[0].reshaped({tensor.elements()}));
}

// Renumbers what the node says of axes, in its attributes and its inputs after the operands; false if it cannot be
// done.
bool renumber_axes(const Traits& traits, std::size_t rank, std::vector<Value*>& inputs, Attributes& attributes) {
  if (attributes.has("axes")) return false;  // Resize: its numbers belong to these axes
  if (traits.axis_attribute != AxisAttribute::none) {
    if (traits.axis_attribute == AxisAttribute::required && !attributes.has("axis")) return false;
    std::int64_t absent = traits.axis_attribute == AxisAttribute::last ? -1 : 0;
    attributes.set("axis", to_channels_last_axis(attributes.integer("axis", absent), rank));
  }
  bool lists_axes = traits.axes_input != 0 && traits.axes_input < inputs.size() && inputs[traits.axes_input] != nullptr;
  if (lists_axes) {
    Value*& list = inputs[traits.axes_input];
    list = axes_to_channels_last(*list, rank);
    return list != nullptr;
  }
  // A reduction without axes is one of all axes; it has no per-axis inputs either, and stays.
  if (traits.axes_input != 0 && traits.per_axis_inputs.end == 0) return false;
  for (std::size_t i = traits.per_axis_inputs.first; i < traits.per_axis_inputs.end && i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    inputs[i] = numbers_to_channels_last(*inputs[i], rank);
    if (inputs[i] == nullptr) return false;
  }
  return true;
}

bool commutes(const Traits& traits) {
  return traits.elementwise != ops::Elementwise::no || traits.axis_attribute != AxisAttribute::none ||
         traits.axes_input != 0 || traits.per_axis_inputs.end != 0;
}

// f(T(x))  ->  T(g(x)), for the operator f of the node.
bool move_past(Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  if (def == nullptr || node.output(0) == nullptr || !node.output(0)->type.shape) return false;
  const Traits& traits = def->traits;
  bool by_position = node.domain.empty() && traits.data_movement == ops::DataMovement::rearrange &&
                     ops::has_channels_last_form(node.op);
  std::size_t rank = node.output(0)->type.shape->size();
  if (rank < 3 || (!commutes(traits) && !by_position)) return false;
  bool all = traits.variadic || traits.elementwise == ops::Elementwise::broadcasting;
  std::vector<Value*> inputs = sources_of(node, all ? node.inputs().size() : 1, rank);
  if (inputs.empty()) return false;
  for (std::size_t i = inputs.size(); i < node.inputs().size(); ++i) inputs.push_back(node.input(i));
  Attributes attributes = node.attributes;
  if (!renumber_axes(traits, rank, inputs, attributes)) return false;
  std::vector<std::string> names;
  for (const Value* output : node.outputs()) names.push_back(output == nullptr ? "unused" : output->name + ".last");
  Graph& graph = node.graph();
  std::string_view domain = by_position ? std::string_view("modelctl") : std::string_view(node.domain);
  Node* made = graph.add_node(domain, node.op, std::move(inputs), names, &node);
  made->name = node.name;
  made->attributes = std::move(attributes);
  if (!ops::infer(*made)) {
    graph.erase(made);
    return false;
  }
  for (std::size_t i = 0; i < node.outputs().size(); ++i) {
    if (node.output(i) == nullptr) continue;
    graph.replace_uses(node.output(i), transposed(made->output(i), to_channels_first(rank), &node));
  }
  graph.erase(&node);
  return true;
}

// A Transpose that keeps the order of all axes but those of size 1 moves nothing in memory.
bool transpose_to_reshape(Node& node) {
  if (!node.is("Transpose") || !node.input(0)->type.shape) return false;
  const graph::Shape& shape = *node.input(0)->type.shape;
  const Permutation& order = node.attributes.integers("perm");
  if (order.size() != shape.size()) return false;
  std::int64_t before = -1;
  std::vector<std::int64_t> sizes;
  int open = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const graph::Expr& size = shape[static_cast<std::size_t>(order[i])];
    if (!size.is(1)) {
      if (order[i] < before) return false;
      before = order[i];
    }
    auto number = size.constant();
    if (number && *number == 0) return false;
    bool copied = !number && order[i] == static_cast<std::int64_t>(i);  // 0: the input's size at this place
    if (!number && !copied) ++open;
    sizes.push_back(number ? *number : copied ? 0 : -1);
  }
  if (open > 1) return false;
  Value* target = node.graph().add_constant(node.output(0)->name + ".sizes", Tensor::of_ints(sizes));
  replace_by_node(node, "", "Reshape", {node.input(0), target});
  return true;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = for_each_node(graph, move_past);
  graph.erase_dead();
  return changes + for_each_node(graph, [](Node& node) {
           // Those that meet another Transpose are canceled instead.
           const Value* y = node.output(0);
           bool meets = y != nullptr && std::any_of(y->uses().begin(), y->uses().end(),
                                                    [](const graph::Use& use) { return use.node->is("Transpose"); });
           return !meets && transpose_to_reshape(node);
         });
}

constexpr PassDef defs[] = {{
    .name = "move-transposes",
    .summary = "Moves changes of layout to where they cancel.",
    .phase = Phase::layout,
    .order = 50,
    .run = run,
}};

}  // namespace

std::span<const PassDef> move_transposes_pass() { return defs; }

}  // namespace modelctl::passes
