// y = Conv(x, w)  ->  y = Transpose[0,3,1,2](modelctl::Conv(Transpose[0,2,3,1](x), w)); the same for ConvTranspose and
// pools. The optimized kernels work with channels last: the values of one pixel are then adjacent, and fill vectors for
// any width of the image. move-transposes moves the Transposes at the edges away and cancels them; a single convolution
// pays for two, which is little compared to its sums. Not for f64 (f16 is f32 by then, compute-in-f32), three spatial
// axes except in ConvTranspose, computed weights, or padding that depends on dynamic sizes: those nodes stay.
#include "ops/reference/convolve_transposed.hpp"
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
using Ints = std::vector<std::int64_t>;

// The pads that auto_pad means; nullopt if they depend on sizes that are not known.
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
      window = ops::with_padding(*windows, axis, size.value_or(window.reach()));
    }
    if (window.begin < 0 || window.end < 0) return std::nullopt;
    pads[axis] = window.begin;
    pads[axes + axis] = window.end;
  }
  return pads;
}

bool is_image(const Value* value, std::size_t most_axes) {
  return plain_f32(value) && value->type.shape->size() >= 3 && value->type.shape->size() <= 2 + most_axes;
}

// Sets the attribute unless all its numbers are 0, which is what an absent one means.
void set_unless_zero(Attributes& attributes, const char* name, Ints numbers) {
  if (std::any_of(numbers.begin(), numbers.end(), [](std::int64_t number) { return number != 0; })) {
    attributes.set(name, std::move(numbers));
  }
}

// The same for ConvTranspose: whatever decides the output's sizes becomes pads and output_padding.
std::optional<Attributes> transposed_attributes_of(const Node& node) {
  const Tensor* w = constant(node.input(1));
  const graph::Shape& shape = *node.input(0)->type.shape;
  if (w == nullptr || w->dims().size() != shape.size() || w->elements() == 0) return std::nullopt;
  const DimsView kernel = DimsView(w->dims()).subspan(2);
  const std::size_t axes = kernel.size();
  auto transposed = ops::read_transposed_windows(node.attributes, kernel, axes);
  if (!transposed) return std::nullopt;
  const ops::AutoPad auto_pad = transposed->windows.auto_pad;
  const bool by_pads =
      transposed->output_shape.empty() && auto_pad != ops::AutoPad::same_upper && auto_pad != ops::AutoPad::same_lower;
  Ints pads(axes * 2, 0), padding = transposed->output_padding;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const ops::Window& window = transposed->windows.axes[axis];
    std::int64_t begin = window.begin, end = window.end;
    if (!by_pads) {
      auto in = shape[axis + 2].constant();
      auto along = in ? ops::spread(*transposed, axis, *in) : Result<ops::Spread>();
      if (!in || !along) return std::nullopt;
      // Without padding the output has `full` elements. What is asked for begins at `begin` of them and has
      // along->size: the rest at the end is cut by a pad, or what is missing there is added by output_padding.
      const std::int64_t full = std::max<std::int64_t>(*in - 1, 0) * window.stride + window.reach() + padding[axis];
      begin = along->begin;
      end = std::max<std::int64_t>(full - begin - along->size, 0);
      padding[axis] += std::max<std::int64_t>(along->size + begin - full, 0);
    }
    if (begin < 0 || end < 0 || window.kernel != kernel[axis]) return std::nullopt;
    pads[axis] = begin;
    pads[axes + axis] = end;
  }
  Attributes attributes = node.attributes;
  for (const char* name : {"auto_pad", "pads", "output_padding", "output_shape"}) attributes.erase(name);
  set_unless_zero(attributes, "pads", std::move(pads));
  set_unless_zero(attributes, "output_padding", std::move(padding));
  return attributes;
}

// The attributes of the node with channels last; nullopt if it has no such form.
std::optional<Attributes> attributes_of(const Node& node) {
  if (ops::find("modelctl", node.op)->attributes.empty()) return Attributes();  // no window: a global pool
  if (node.op == "ConvTranspose") return transposed_attributes_of(node);
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
  set_unless_zero(attributes, "pads", std::move(*pads));
  return attributes;
}

bool convert(Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  if (def == nullptr || !node.domain.empty() || !ops::has_channels_last_form(node.op)) return false;
  // A data movement costs the same in both layouts: move-transposes converts it if a Transpose reaches it.
  if (def->traits.data_movement != ops::DataMovement::none) return false;
  if (!is_image(node.input(0), node.is("ConvTranspose") ? 3 : 2) || node.output(0) == nullptr) return false;
  auto attributes = attributes_of(node);
  if (!attributes) return false;
  Value* y = node.output(0);
  std::size_t rank = node.input(0)->type.shape->size();
  std::vector<Value*> inputs = node.inputs();
  inputs[0] = transposed(inputs[0], to_channels_last(rank), &node);
  Node* made = node.graph().add_node("modelctl", node.op, std::move(inputs), {y->name + ".last"}, &node);
  made->name = node.name;
  made->attributes = std::move(*attributes);
  if (!ops::infer(*made)) return false;  // dead: erased at the end of the pass
  replace(node, transposed(made->output(0), to_channels_first(rank), &node));
  return true;
}

Result<std::size_t> run(Graph& graph, const PassContext&) {
  std::size_t changes = for_each_node(graph, convert);
  graph.erase_dead();
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "channels-last",
    .summary = "Gives convolutions and pools the layout that is fast.",
    .phase = Phase::layout,
    .order = 40,
    .run = run,
}};

}  // namespace

std::span<const PassDef> channels_last_pass() { return defs; }

}  // namespace modelctl::passes
