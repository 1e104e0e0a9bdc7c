// com.microsoft's activations, some fused with the bias before them. All are decomposed into the default domain's
// operators, which the passes fuse into the product before.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Node;
using graph::Value;

// input 0 + input 1, which may be absent.
Result<Value*> biased(Rewrite& rewrite, const Node& node) {
  if (node.input(1) == nullptr) return node.input(0);
  return rewrite.add("Add", {node.input(0), node.input(1)});
}

// Gelu, BiasGelu: the exact form, with erf.
//   Gelu(x) = x * Phi(x) = x / 2 * (1 + erf(x / sqrt(2))), where Phi is the standard normal distribution function
// (Hendrycks and Gimpel, "Gaussian error linear units", 2016).
Result<void> gelu(Node& node) {
  Rewrite rewrite(node);
  rewrite.finish({TRY(rewrite.add("Gelu", {TRY(biased(rewrite, node))}))});
  return {};
}

// FastGelu: the approximation with tanh.
//   x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x³)))
// It is less than 1e-3 off the exact form, and a model needs the form that it was trained with.
Result<void> fast_gelu(Node& node) {
  Rewrite rewrite(node);
  Value* x = TRY(biased(rewrite, node));
  rewrite.finish({TRY(rewrite.add("Gelu", {x}, {{"approximate", std::string("tanh")}}))});
  return {};
}

// QuickGelu: x * sigmoid(alpha * x), which ONNX calls Swish.
// With 1.702, the default, it approximates Gelu by a logistic function, about 0.02 off at most; CLIP was trained with
// it.
Result<void> quick_gelu(Node& node) {
  Rewrite rewrite(node);
  float alpha = node.attributes.number("alpha", 1.702f);
  rewrite.finish({TRY(rewrite.add("Swish", {node.input(0)}, {{"alpha", alpha}}))});
  return {};
}

// BiasAdd: x + bias + skip.
Result<void> bias_add(Node& node) {
  Rewrite rewrite(node);
  Value* sum = TRY(biased(rewrite, node));
  rewrite.finish({TRY(rewrite.add("Add", {sum, node.input(2)}))});
  return {};
}

// Halves the last axis.
Result<void> infer_split(Inference& call) {
  TRY(infer_same(call));
  TRY(need_rank(call, 0, 1));
  if (const graph::Shape* x = call.shape(0)) {
    graph::Shape half = *x;
    half.back() = floor_div(half.back(), 2);
    call.set_output(0, call.element(0), std::move(half));
  }
  return {};
}

// BiasSplitGelu: the left half of x + bias times the Gelu of the right half.
// This is GEGLU (Shazeer, "GLU variants improve transformer", 2020): one product makes both the values and their gate,
// as the two halves of its columns.
Result<void> bias_split_gelu(Node& node) {
  Rewrite rewrite(node);
  Value* x = TRY(biased(rewrite, node));
  Attributes in_two{{"axis", std::int64_t{-1}}, {"num_outputs", std::int64_t{2}}};
  Node* halves = TRY(rewrite.add_node("", "Split", {x}, std::move(in_two), {"left", "right"}));
  Value* gate = TRY(rewrite.add("Gelu", {halves->output(1)}));
  rewrite.finish({TRY(rewrite.add("Mul", {halves->output(0), gate}))});
  return {};
}

constexpr AttributeDef of_quick[] = {{"alpha", AttributeType::number, "of x in the sigmoid; 1.702 if absent"}};

// One of these operators: all are float, of domain com.microsoft, and written as others.
constexpr OpDef fused(std::string_view name, std::string_view summary, std::string_view inputs,
                      std::span<const AttributeDef> attributes, Result<void> (*infer)(Inference&),
                      Examples (*examples)(), Result<void> (*decompose)(Node&)) {
  return {.domain = "com.microsoft",
          .name = name,
          .since = 1,
          .summary = summary,
          .inputs = inputs,
          .outputs = "Y",
          .types = float_types,
          .attributes = attributes,
          .infer = infer,
          .decompose = decompose,
          .examples = examples};
}

constexpr OpDef defs[] = {
    fused(
        "Gelu", "x times the share of a normal distribution that lies below it.", "X", {}, infer_same,
        [] {
          return Examples{{"three numbers", {f32({3}, {-1, 0, 1})}, {}, {f32({3}, {-0.1586553f, 0, 0.8413447f})}}};
        },
        gelu),
    fused(
        "BiasGelu", "Gelu of a sum.", "A B:A", {}, infer_same,
        [] {
          return Examples{{"a bias for each column",
                           {f32({1, 2}, {0, 0}), f32({2}, {-1, 1})},
                           {},
                           {f32({1, 2}, {-0.1586553f, 0.8413447f})}}};
        },
        gelu),
    fused(
        "FastGelu", "Gelu by a hyperbolic tangent, of a sum.", "X bias?:X", {}, infer_same,
        [] {
          return Examples{
              {"without a bias", {f32({2}, {-1, 1})}, {}, {f32({2}, {-0.158808f, 0.841192f})}},
              {"with one", {f32({1, 2}, {0, 0}), f32({2}, {-1, 1})}, {}, {f32({1, 2}, {-0.158808f, 0.841192f})}}};
        },
        fast_gelu),
    fused(
        "QuickGelu", "x times the sigmoid of alpha x.", "X", of_quick, infer_same,
        [] {
          return Examples{{"two numbers", {f32({2}, {-1, 1})}, {}, {f32({2}, {-0.1542024f, 0.8457976f})}}};
        },
        quick_gelu),
    fused(
        "BiasAdd", "The sum of an image, a bias for each channel, and a residual.", "X bias:X skip:X", {}, infer_same,
        [] {
          return Examples{{"one pixel",
                           {f32({1, 1, 2}, {1, 2}), f32({2}, {10, 20}), f32({1, 1, 2}, {100, 200})},
                           {},
                           {f32({1, 1, 2}, {111, 222})}}};
        },
        bias_add),
    fused(
        "BiasSplitGelu", "The left half of a sum times the Gelu of its right half.", "X bias:X", {}, infer_split,
        [] {
          return Examples{
              {"one pixel", {f32({1, 1, 2}, {1, 0}), f32({2}, {1, 1})}, {}, {f32({1, 1, 1}, {1.6826895f})}}};
        },
        bias_split_gelu),
};

}  // namespace

std::span<const OpDef> fused_activations_ops() { return defs; }
std::span<const OpRun> fused_activations_runs() { return {}; }

}  // namespace modelctl::ops
