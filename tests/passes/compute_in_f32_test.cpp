// What compute-in-f32 leaves of an f16 or bf16 graph gives the result of the same graph in f32, rounded once.
#include "interpret.hpp"
#include "passes/pass.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "tensor/half.hpp"

#include <doctest/doctest.h>

#include <random>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using Ints = std::vector<std::int64_t>;

// Numbers that f16 and bf16 have, as any type.
Tensor numbers(DType type, Dims dims, unsigned seed) {
  std::mt19937 random(seed);
  Tensor tensor(type, std::move(dims));
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const float value = static_cast<float>(random() % 65) / 32 - 1;
    if (type == DType::f16) tensor.mutable_view().as<Half>()[static_cast<std::size_t>(i)] = Half(value);
    else if (type == DType::bf16) tensor.mutable_view().as<BFloat16>()[static_cast<std::size_t>(i)] = BFloat16(value);
    else tensor.mutable_view().as<float>()[static_cast<std::size_t>(i)] = value;
  }
  return tensor;
}

// A small convolutional network: convolutions, pools, a concatenation, a residual, a product and Softmax.
std::unique_ptr<Graph> network(DType type) {
  auto graph = std::make_unique<Graph>("network");
  auto node = [&](const char* op, std::vector<Value*> inputs, Attributes attributes = {}) {
    Node* made = graph->add_node("", op, std::move(inputs), {op});
    made->attributes = std::move(attributes);
    auto inferred = ops::infer(*made);
    REQUIRE_MESSAGE(inferred.has_value(), (inferred ? "" : inferred.error().what));
    return made->output(0);
  };
  unsigned seed = 10;
  auto weights = [&](Dims dims) { return graph->add_constant("w", numbers(type, std::move(dims), seed++)); };
  const Attributes padded{{"pads", Ints{1, 1, 1, 1}}};
  Value* x = graph->add_input("x", {type, graph::Shape{2, 3, 9, 9}});
  Value* a = node("Relu", {node("Conv", {x, weights({8, 3, 3, 3}), weights({8})}, padded)});
  Value* pooled = node("MaxPool", {a}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
  Value* left = node("Relu", {node("Conv", {pooled, weights({8, 8, 1, 1})})});
  Value* right = node("Conv", {pooled, weights({8, 8, 3, 3}), weights({8})}, padded);
  Value* both = node("Concat", {left, node("Add", {right, pooled})}, {{"axis", std::int64_t{1}}});
  Value* up = node("ConvTranspose", {both, weights({16, 4, 2, 2})}, {{"strides", Ints{2, 2}}});
  Value* flat = node("Flatten", {node("GlobalAveragePool", {up})});
  Value* scores = node("Gemm", {flat, weights({4, 5}), weights({5})});
  graph->add_output(up, "up");
  graph->add_output(node("Softmax", {scores}), "y");
  return graph;
}

double real(const Tensor& tensor, std::size_t i) {
  if (tensor.type() == DType::f16) return static_cast<double>(static_cast<float>(tensor.as<Half>()[i]));
  if (tensor.type() == DType::bf16) return static_cast<double>(static_cast<float>(tensor.as<BFloat16>()[i]));
  return static_cast<double>(tensor.as<float>()[i]);
}

TEST_CASE("a network in f16 or bf16 gives what it gives in f32, rounded once") {
  for (DType type : {DType::f16, DType::bf16}) {
    CAPTURE(name(type));
    auto exact = test::interpret(*network(DType::f32), {numbers(DType::f32, {2, 3, 9, 9}, 1)});
    REQUIRE_MESSAGE(exact.has_value(), (exact ? "" : exact.error().what));
    auto graph = network(type);
    auto report = run_pipeline(*graph, {});
    REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
    auto outputs = test::interpret(*graph, {numbers(type, {2, 3, 9, 9}, 1)});
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    const double unit = type == DType::f16 ? 0x1p-11 : 0x1p-8;  // half the distance to the next number above 1
    for (std::size_t k = 0; k < 2; ++k) {
      REQUIRE((*outputs)[k].type() == type);
      double worst = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>((*exact)[k].elements()); ++i) {
        const double expected = real((*exact)[k], i);
        worst = std::max(worst, std::abs(real((*outputs)[k], i) - expected) / (std::abs(expected) + 1e-3));
      }
      CHECK(worst < 1.1 * unit);
    }
    // Only what crosses the graph's edges is left in the narrow type.
    for (const auto& node : graph->nodes()) {
      if (node->op != "Cast" && node->op != "Transpose") CHECK(node->output(0)->type.element == DType::f32);
    }
  }
}

}  // namespace
}  // namespace modelctl::passes
