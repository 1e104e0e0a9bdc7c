// Affine, Scale, ScaledTanh, ParametricSoftplus and ImageScaler: functions of one tensor with constant factors, which
// ONNX 1.0 to 1.4 called experimental. Converters of CoreML models wrote them. They are decomposed.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Node;
using graph::Value;

// `op` of a value and a number of the same type.
Result<Value*> with_number(Rewrite& to, std::string_view op, Value* x, float number) {
  return to.add(op, {x, to.number(x->type.element, static_cast<double>(number))});
}

// factor x + term.
Result<void> affine(Node& node, std::string_view factor, std::string_view term) {
  Rewrite to(node);
  Value* y = TRY(with_number(to, "Mul", node.input(0), node.attributes.number(factor, 1)));
  if (node.attributes.has(term)) y = TRY(with_number(to, "Add", y, node.attributes.number(term)));
  to.finish({y});
  return {};
}

Result<void> decompose_affine(Node& node) { return affine(node, "alpha", "beta"); }
Result<void> decompose_scale(Node& node) { return affine(node, "scale", ""); }

// alpha f(beta x).
Result<void> stretched(Node& node, std::string_view function) {
  Rewrite to(node);
  Value* inner = TRY(with_number(to, "Mul", node.input(0), node.attributes.number("beta")));
  Value* y = TRY(to.add(function, {inner}));
  to.finish({TRY(with_number(to, "Mul", y, node.attributes.number("alpha")))});
  return {};
}

Result<void> decompose_tanh(Node& node) { return stretched(node, "Tanh"); }
Result<void> decompose_softplus(Node& node) { return stretched(node, "Softplus"); }

Result<void> infer_image(Inference& call) {
  TRY(need_rank(call, 0, 4, 4));
  const auto& bias = call.attributes().numbers("bias");
  const graph::Shape* x = call.shape(0);
  if (x != nullptr && call.attributes().has("bias")) {
    TRY(same_size(call, (*x)[1], static_cast<std::int64_t>(bias.size())));
  }
  return infer_same(call);
}

Result<void> decompose_image(Node& node) {
  Rewrite to(node);
  Value* y = TRY(with_number(to, "Mul", node.input(0), node.attributes.number("scale", 1)));
  if (node.attributes.has("bias")) {
    const auto& bias = node.attributes.numbers("bias");
    Tensor channels(DType::f32, {static_cast<std::int64_t>(bias.size()), 1, 1});
    std::copy(bias.begin(), bias.end(), channels.mutable_view().as<float>().begin());
    y = TRY(to.add("Add", {y, TRY(to.add("CastLike", {to.constant(std::move(channels)), y}))}));
  }
  to.finish({y});
  return {};
}

constexpr AttributeDef of_affine[] = {{"alpha", AttributeType::number, "the factor; 1 if absent"},
                                      {"beta", AttributeType::number, "what is added; 0 if absent"}};
constexpr AttributeDef of_scale[] = {{"scale", AttributeType::number, "the factor; 1 if absent"}};
// ONNX never gave these two a default.
constexpr AttributeDef of_stretched[] = {{"alpha", AttributeType::number, "the factor of the result", true},
                                         {"beta", AttributeType::number, "the factor of x", true}};
constexpr AttributeDef of_image[] = {{"bias", AttributeType::numbers, "added to each channel; nothing if absent"},
                                     {"scale", AttributeType::number, "the factor; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Affine",
        .since = 1,
        .summary = "alpha x + beta; experimental in ONNX 1.0 to 1.4.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_affine,
        .infer = infer_same,
        .decompose = decompose_affine,
        .examples =
            [] {
              return Examples{
                  {"a line", {f32({2}, {-1, 2})}, {{"alpha", 2.0f}, {"beta", 0.5f}}, {f32({2}, {-1.5f, 4.5f})}},
                  {"nothing to do", {f64({1}, {3})}, {}, {f64({1}, {3})}, 0}};
            },
    },
    {
        .name = "Scale",
        .since = 1,
        .summary = "scale times x; experimental in ONNX 1.0 to 1.4.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_scale,
        .infer = infer_same,
        .decompose = decompose_scale,
        .examples =
            [] {
              return Examples{{"half of it", {f32({2}, {-1, 2})}, {{"scale", 0.5f}}, {f32({2}, {-0.5f, 1})}}};
            },
    },
    {
        .name = "ScaledTanh",
        .since = 1,
        .summary = "alpha tanh(beta x); experimental in ONNX 1.0 to 1.4.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_stretched,
        .infer = infer_same,
        .decompose = decompose_tanh,
        .examples =
            [] {
              return Examples{{"twice as high and twice as wide",
                               {f32({3}, {-1, 0, 2})},
                               {{"alpha", 2.0f}, {"beta", 0.5f}},
                               {f32({3}, {-0.9242343f, 0, 1.5231884f})}}};
            },
    },
    {
        .name = "ParametricSoftplus",
        .since = 1,
        .summary = "alpha ln(exp(beta x) + 1); experimental in ONNX 1.0 to 1.4.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_stretched,
        .infer = infer_same,
        .decompose = decompose_softplus,
        .examples =
            [] {
              return Examples{{"twice as high and twice as wide",
                               {f32({3}, {-1, 0, 2})},
                               {{"alpha", 2.0f}, {"beta", 0.5f}},
                               {f32({3}, {0.948154f, 1.3862944f, 2.6265233f})}}};
            },
    },
    {
        .name = "ImageScaler",
        .since = 1,
        .summary = "scale times an image plus a bias for each channel; experimental in ONNX 1.0 to 1.4.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_image,
        .infer = infer_image,
        .decompose = decompose_image,
        .examples =
            [] {
              return Examples{{"two channels",
                               {f32({1, 2, 1, 2}, {1, 2, 3, 4})},
                               {{"bias", std::vector<float>{10, 20}}, {"scale", 2.0f}},
                               {f32({1, 2, 1, 2}, {12, 14, 26, 28})}},
                              {"no bias", {f32({1, 1, 1, 1}, {3})}, {}, {f32({1, 1, 1, 1}, {3})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> scaled_ops() { return defs; }
std::span<const OpRun> scaled_runs() { return {}; }

}  // namespace modelctl::ops
