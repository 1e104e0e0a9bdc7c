// BatchNormalization(Conv(x, w, b), …)  ->  Conv(x, w * s, (b - mean) * s + bias) with s = scale / sqrt(variance + eps)
// BatchNormalization(x, …) elsewhere    ->  Add(Mul(x, s), bias - mean * s)
// It always pays: at inference, batch normalization is an affine function of each channel with known factors, and so is
// a convolution of its weights. Computed parameters keep the node, and so do the further outputs of training.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <cmath>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// y = x * factor + offset, which is all that normalization by a known mean and variance is. Computed in f64: a variance
// close to 0 makes the factor large.
struct Affine {
  Tensor factor, offset;  // one element for each channel
};

std::optional<Affine> affine_of(const Node& node) {
  const Tensor* parameters[4];
  for (std::size_t i = 0; i < 4; ++i) {
    parameters[i] = constant(node.input(i + 1));
    if (parameters[i] == nullptr || parameters[i]->elements() != parameters[0]->elements()) return std::nullopt;
  }
  double epsilon = node.attributes.number("epsilon", 1e-5f);
  Dims dims{parameters[0]->elements()};
  Affine affine{Tensor(DType::f32, dims), Tensor(DType::f32, dims)};
  auto scale = parameters[0]->as<float>(), bias = parameters[1]->as<float>(), mean = parameters[2]->as<float>(),
       variance = parameters[3]->as<float>();
  for (std::size_t i = 0; i < scale.size(); ++i) {
    double s = scale[i] / std::sqrt(double{variance[i]} + epsilon);
    affine.factor.mutable_view().as<float>()[i] = static_cast<float>(s);
    affine.offset.mutable_view().as<float>()[i] = static_cast<float>(bias[i] - mean[i] * s);
  }
  return affine;
}

// (w * x + b) * s + o = (w s) * x + (b s + o), map by map. Only if nothing else reads the convolution's result.
bool fold_into_conv(Node& node, const Affine& affine) {
  Value* between = node.input(0);
  Node* conv = producer(between, "Conv");
  const Tensor* w = conv == nullptr ? nullptr : constant(conv->input(1));
  const Tensor* b = conv == nullptr ? nullptr : constant(conv->input(2));
  if (w == nullptr || !used_once(*between) || (b == nullptr && conv->input(2) != nullptr)) return false;
  auto maps = static_cast<std::size_t>(w->dims()[0]);
  if (maps != affine.factor.as<float>().size() || (b != nullptr && b->as<float>().size() != maps)) return false;
  Tensor weights(DType::f32, w->dims()), bias(DType::f32, {w->dims()[0]});
  auto to = weights.mutable_view().as<float>();
  std::size_t each = maps == 0 ? 0 : to.size() / maps;
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = w->as<float>()[i] * affine.factor.as<float>()[i / each];
  for (std::size_t m = 0; m < maps; ++m) {
    float old = b == nullptr ? 0 : b->as<float>()[m];
    bias.mutable_view().as<float>()[m] = old * affine.factor.as<float>()[m] + affine.offset.as<float>()[m];
  }
  Graph& graph = node.graph();
  Value* before = conv->input(1);
  conv->set_input(1, graph.add_constant(before->name + ".folded", std::move(weights)));
  release_if_unused(before);
  conv->set_input(2, graph.add_constant(between->name + ".bias", std::move(bias)));
  replace(node, between);
  return true;
}

bool write_out(Node& node, Affine affine) {
  Value* x = node.input(0);
  if (!plain_f32(x) || x->type.shape->size() < 2) return false;
  Dims dims(x->type.shape->size() - 1, 1);  // channels, then 1 for each axis after them
  dims[0] = affine.factor.elements();
  Graph& graph = node.graph();
  Value* factor = graph.add_constant(node.output(0)->name + ".factor", affine.factor.reshaped(dims));
  Value* offset = graph.add_constant(node.output(0)->name + ".offset", affine.offset.reshaped(dims));
  Node* product = graph.add_node("", "Mul", {x, factor}, {node.output(0)->name + ".scaled"}, &node);
  Node* sum = graph.add_node("", "Add", {product->output(0), offset}, {node.output(0)->name}, &node);
  product->output(0)->type = sum->output(0)->type = node.output(0)->type;
  replace(node, sum->output(0));
  return true;
}

bool visit(Node& node) {
  if (!node.is("BatchNormalization") || node.attributes.integer("training_mode") != 0) return false;
  if (node.output(1) != nullptr || node.output(2) != nullptr) return false;
  auto affine = affine_of(node);
  return affine && (fold_into_conv(node, *affine) || write_out(node, std::move(*affine)));
}

constexpr PassDef defs[] = {{
    .name = "fold-batch-norm",
    .summary = "Folds batch normalization into the convolution before it.",
    .phase = Phase::layout,
    .order = 10,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> fold_batch_norm_pass() { return defs; }

}  // namespace modelctl::passes
