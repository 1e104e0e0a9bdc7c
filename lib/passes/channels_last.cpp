// y = Conv(x, w)  ->  y = Transpose[0,3,1,2](modelctl::Conv(Transpose[0,2,3,1](x), w)), and the pools so.
// The fast kernels want channels last. The Transposes at the edges are for move-transposes to carry away and cancel; a
// lone convolution pays for two, which is little beside its sums. Not for f64 and f16, three spatial axes, weights that
// are computed, or sizes of padding that only the run tells: those stay as they are.
#include "ops/reference/window.hpp"
#include "ops/schema/operator.hpp"
#include "passes/layout.hpp"
#include "passes/match.hpp"
#include "passes/pass.hpp"

#include <algorithm>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using Ints = std::vector<std::int64_t>;

// The pads that auto_pad means; nullopt where they depend on sizes that are not known.
std::optional<Ints> pads_of(const Node& node, DimsView kernel) {
  const graph::Shape& shape = *node.input(0)->type.shape;
  std::size_t axes = shape.size() - 2;
  auto windows = ops::read_windows(node.attributes, kernel, axes);
  if (!windows) return std::nullopt;
  Ints pads(axes * 2, 0);
  for (std::size_t axis = 0; axis < axes; ++axis) {
    ops::Window window = windows->axes[axis];
    bool same = windows->auto_pad == ops::AutoPad::same_upper || windows->auto_pad == ops::AutoPad::same_lower;
    if (same) {
      // With stride 1 the padding is the same for every size.
      auto size = shape[axis + 2].constant();
      if (!size && window.stride != 1) return std::nullopt;
      window = ops::placed(*windows, axis, size.value_or(window.reach()));
    }
    if (window.begin < 0 || window.end < 0) return std::nullopt;
    pads[axis] = window.begin;
    pads[axes + axis] = window.end;
  }
  return pads;
}

bool is_image(const Value* value) {
  return plain_f32(value) && value->type.shape->size() >= 3 && value->type.shape->size() <= 4;
}

// The attributes of the node with channels last; nullopt where it cannot be one.
std::optional<Attributes> attributes_of(const Node& node) {
  if (node.op == "GlobalAveragePool") return Attributes();
  Dims kernel;
  if (node.op == "Conv") {
    const Tensor* w = constant(node.input(1));
    if (w == nullptr || w->dims().size() != node.input(0)->type.shape->size()) return std::nullopt;
    kernel.assign(w->dims().begin() + 2, w->dims().end());
  } else if (node.output(1) != nullptr || node.attributes.integer("storage_order") != 0) {
    return std::nullopt;
  }
  auto pads = pads_of(node, kernel);
  if (!pads) return std::nullopt;
  Attributes attributes = node.attributes;
  attributes.erase("auto_pad");
  attributes.erase("storage_order");
  attributes.erase("pads");
  if (std::any_of(pads->begin(), pads->end(), [](std::int64_t pad) { return pad != 0; })) {
    attributes.set("pads", std::move(*pads));
  }
  return attributes;
}

bool convert(Node& node) {
  bool convertible = node.domain.empty() && (node.op == "Conv" || node.op == "MaxPool" || node.op == "AveragePool" ||
                                             node.op == "GlobalAveragePool");
  if (!convertible || !is_image(node.input(0)) || node.output(0) == nullptr) return false;
  auto attributes = attributes_of(node);
  if (!attributes) return false;
  Value* y = node.output(0);
  std::size_t rank = node.input(0)->type.shape->size();
  std::vector<Value*> inputs = node.inputs();
  inputs[0] = transposed(inputs[0], to_last(rank), &node);
  Node* made = node.graph().add_node("modelctl", node.op, std::move(inputs), {y->name + ".last"}, &node);
  made->name = node.name;
  made->attributes = std::move(*attributes);
  if (!ops::infer(*made)) return false;  // dead, and swept away at the end
  replace(node, transposed(made->output(0), to_first(rank), &node));
  return true;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = for_each_node(graph, convert);
  graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{"channels-last", "Gives convolutions and pools the layout that is fast.", run}};

}  // namespace

std::span<const PassDef> channels_last_pass() { return defs; }

}  // namespace modelctl::passes
