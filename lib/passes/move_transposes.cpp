// Relu(Transpose[0,3,1,2](x))             ->  Transpose[0,3,1,2](Relu(x))
// Concat(Transpose(x), Transpose(y))      ->  Transpose(Concat(x, y)), its axis moved along
// Transpose of an x whose moved sizes are all 1  ->  Reshape
// Carries the Transposes that channels-last left toward the outputs, until two meet and erase-identities cancels them.
// An operation moves only if all its operands come through such a Transpose or are constants; where one does not,
// moving would only trade one Transpose for another.
#include "ops/schema/operator.hpp"
#include "passes/layout.hpp"
#include "passes/match.hpp"
#include "passes/pass.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

constexpr std::array<std::string_view, 27> of_first{
    "Relu", "LeakyRelu", "Sigmoid", "Tanh",       "Clip",  "Elu",  "HardSigmoid", "HardSwish", "Gelu",
    "Erf",  "Exp",       "Log",     "Sqrt",       "Neg",   "Abs",  "Softplus",    "Softsign",  "Mish",
    "Selu", "Celu",      "Cast",    "Reciprocal", "Floor", "Ceil", "Round",       "Identity",  "ThresholdedRelu"};
constexpr std::array<std::string_view, 9> of_all{"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu", "Sum"};
constexpr std::array<std::string_view, 4> along_axis{"Concat", "Softmax", "LogSoftmax", "Split"};
constexpr std::array<std::string_view, 4> reductions{"ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"};

template <std::size_t N>
bool in(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Where channels last keeps the axis that channels first calls `axis`.
std::int64_t moved(std::int64_t axis, std::size_t rank) {
  auto last = static_cast<std::int64_t>(rank) - 1;
  if (axis < 0) axis += last + 1;
  return axis == 0 ? 0 : axis == 1 ? last : axis - 1;
}

// What is transposed, where `value` is such a Transpose of it.
Value* behind(const Value* value) {
  const Node* node = producer(value, "Transpose");
  if (node == nullptr || !value->type.shape || value->type.shape->size() < 3) return nullptr;
  return node->attributes.integers("perm") == to_first(value->type.shape->size()) ? node->input(0) : nullptr;
}

// A constant operand as channels last sees it; null where it has more axes than the image.
Value* constant_for(Value* value, std::size_t rank) {
  const Tensor& tensor = value->constant;
  if (tensor.elements() == 1 && tensor.dims().size() <= rank) return value;
  if (tensor.dims().size() > rank || tensor.type() == DType::string) return nullptr;
  Dims dims(rank - tensor.dims().size(), 1);
  dims.insert(dims.end(), tensor.dims().begin(), tensor.dims().end());
  Tensor reshaped = tensor.reshaped(dims);
  TensorView view = reshaped.view();
  auto turned = ops::evaluate("", "Transpose", {{"perm", to_last(rank)}}, std::span(&view, 1), 1);
  return turned ? value->graph().add_constant(value->name + ".last", std::move((*turned)[0])) : nullptr;
}

// The node's first `count` inputs with the Transposes taken off; empty where it should stay.
std::vector<Value*> operands(const Node& node, std::size_t count, std::size_t rank) {
  std::vector<Value*> found;
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    Value* value = node.input(i);
    if (value == nullptr) return {};
    bool same_rank = value->type.shape && value->type.shape->size() == rank;
    if (Value* inner = behind(value); inner != nullptr && same_rank) {
      found.push_back(inner);
      any = true;
    } else if (!value->is_constant()) {
      return {};
    } else {
      found.push_back(value);
    }
  }
  if (!any) return {};
  for (Value*& value : found) {
    if (value->is_constant()) value = constant_for(value, rank);
    if (value == nullptr) return {};
  }
  return found;
}

// One number for each axis, in the order of channels last.
Value* turned_list(Value& list, std::size_t rank) {
  TensorView view = list.constant.view();
  Tensor order = Tensor::of_ints(to_last(rank));
  TensorView inputs[] = {view, order.view()};
  auto turned = ops::evaluate("", "Gather", {}, inputs, 1);
  return turned ? list.graph().add_constant(list.name + ".last", std::move((*turned)[0])) : &list;
}

// The attributes and the further inputs as channels last has them; false where that cannot be told.
bool adapt(const Node& node, std::size_t rank, std::vector<Value*>& inputs, Attributes& attributes) {
  Graph& graph = node.graph();
  for (std::size_t i = inputs.size(); i < node.inputs().size(); ++i) inputs.push_back(node.input(i));
  if (in(along_axis, node.op)) {
    if (node.op == "Concat" && !attributes.has("axis")) return false;
    attributes.set("axis", moved(attributes.integer("axis", node.op == "Split" ? 0 : -1), rank));
  } else if (in(reductions, node.op)) {
    auto axes = integers(node.input(1));
    if (!axes || axes->empty() || attributes.integer("keepdims", 1) == 0) return false;
    for (std::int64_t& axis : *axes) axis = moved(axis, rank);
    inputs[1] = graph.add_constant(node.input(1)->name + ".last", Tensor::of_ints(*axes));
  } else if (node.op == "Pad") {
    auto pads = integers(node.input(1));
    if (!pads || pads->size() != rank * 2 || node.input(3) != nullptr) return false;
    std::vector<std::int64_t> turned(rank * 2);
    for (std::size_t axis = 0; axis < rank; ++axis) {
      auto to = static_cast<std::size_t>(moved(static_cast<std::int64_t>(axis), rank));
      turned[to] = (*pads)[axis];
      turned[rank + to] = (*pads)[rank + axis];
    }
    inputs[1] = graph.add_constant(node.input(1)->name + ".last", Tensor::of_ints(turned));
  } else if (node.op == "Slice") {
    auto axes = integers(node.input(3));
    if (!axes) return false;
    for (std::int64_t& axis : *axes) axis = moved(axis, rank);
    inputs[3] = graph.add_constant(node.input(3)->name + ".last", Tensor::of_ints(*axes));
  } else if (node.op == "Resize") {
    if (attributes.has("axes") || attributes.text("coordinate_transformation_mode") == "tf_crop_and_resize")
      return false;
    for (std::size_t i = 2; i < inputs.size(); ++i) {
      if (inputs[i] == nullptr) continue;
      if (!inputs[i]->is_constant() || inputs[i]->constant.elements() != static_cast<std::int64_t>(rank)) return false;
      inputs[i] = turned_list(*inputs[i], rank);
    }
  }
  return true;
}

bool move(Node& node) {
  if (!node.domain.empty() || node.output(0) == nullptr || !node.output(0)->type.shape) return false;
  std::size_t rank = node.output(0)->type.shape->size();
  if (rank < 3) return false;
  bool first = in(of_first, node.op) || in(reductions, node.op) || node.op == "Pad" || node.op == "Softmax" ||
               node.op == "LogSoftmax" || node.op == "Split" || node.op == "Slice" || node.op == "Resize" ||
               node.op == "DepthToSpace";
  if (!first && !in(of_all, node.op) && node.op != "Concat") return false;
  std::vector<Value*> inputs = operands(node, first ? 1 : node.inputs().size(), rank);
  Attributes attributes = node.attributes;
  if (inputs.empty() || !adapt(node, rank, inputs, attributes)) return false;
  std::vector<std::string> names;
  for (const Value* output : node.outputs()) names.push_back(output == nullptr ? "unused" : output->name + ".last");
  Graph& graph = node.graph();
  // Of the operators that move, one means its axes by their places and not by numbers.
  std::string_view domain = node.op == "DepthToSpace" ? "modelctl" : "";
  Node* made = graph.add_node(domain, node.op, std::move(inputs), names, &node);
  made->name = node.name;
  made->attributes = std::move(attributes);
  if (!ops::infer(*made)) {
    graph.erase(made);
    return false;
  }
  for (std::size_t i = 0; i < node.outputs().size(); ++i) {
    if (node.output(i) == nullptr) continue;
    graph.replace_uses(node.output(i), transposed(made->output(i), to_first(rank), &node));
  }
  graph.erase(&node);
  return true;
}

// A Transpose that keeps the order of all axes but those of size 1 moves nothing in memory.
bool reshape(Node& node) {
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
  std::size_t changes = for_each_node(graph, move);
  graph.erase_dead();
  return changes + for_each_node(graph, [](Node& node) {
           // Those that meet another Transpose are canceled instead.
           const Value* y = node.output(0);
           bool meets = y != nullptr && std::any_of(y->uses().begin(), y->uses().end(),
                                                    [](const graph::Use& use) { return use.node->is("Transpose"); });
           return !meets && reshape(node);
         });
}

constexpr PassDef defs[] = {{"move-transposes", "Carries changes of layout to where they cancel.", run}};

}  // namespace

std::span<const PassDef> move_transposes_pass() { return defs; }

}  // namespace modelctl::passes
