// What the passes over quantized models may change: nothing for data movement, one quantization step for sums of
// floats.
#include "interpret.hpp"
#include "passes/pass.hpp"
#include "passes/pipeline/pipeline.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using test::interpret;

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  // A quantized Conv, MatMul or Gemm as exporters write it, with a transposition after it.
  std::unique_ptr<Graph> make(std::string_view op) {
    const bool conv = op == "Conv", gemm = op == "Gemm";
    auto graph = std::make_unique<Graph>("quantized");
    graph_ = graph.get();
    const std::int64_t channels = 5, k = 7;
    Value* x = graph->add_input("x", {DType::u8, conv ? graph::Shape{1, k, 6, 6} : graph::Shape{6, k}});
    const float x_scale = 0.02f;
    Tensor w_scale(DType::f32, {channels}), b_scale(DType::f32, {channels});
    for (std::size_t i = 0; i < static_cast<std::size_t>(channels); ++i) {
      const float scale = 0.001f * static_cast<float>(1 + random_() % 30);
      w_scale.mutable_view().as<float>()[i] = scale;
      b_scale.mutable_view().as<float>()[i] = scale * x_scale;
    }
    Value* scale = constant(Tensor::scalar(DType::f32, x_scale));
    Value* zero = constant(Tensor::scalar(DType::u8, static_cast<std::uint8_t>(random_())));
    Value* real = node("DequantizeLinear", {x, scale, zero});
    const std::int64_t axis = conv || gemm ? 0 : 1;
    Value* weights = node("DequantizeLinear",
                          {constant(bytes(conv   ? Dims{channels, k, 3, 3}
                                          : gemm ? Dims{channels, k}
                                                 : Dims{k, channels})),
                           constant(w_scale)},
                          {{"axis", axis}});
    std::vector<Value*> inputs{real, weights};
    if (conv || gemm) {
      Tensor bias(DType::i32, {channels});
      for (std::int32_t& each : bias.mutable_view().as<std::int32_t>())
        each = static_cast<std::int32_t>(random_() % 4000);
      inputs.push_back(node("DequantizeLinear", {constant(bias), constant(b_scale)}, {{"axis", std::int64_t{0}}}));
    }
    Value* sums = gemm ? node("Gemm", inputs, {{"transB", std::int64_t{1}}}) : node(op, inputs);
    Value* y_scale = constant(Tensor::scalar(DType::f32, 0.03f));
    Value* y_zero = constant(Tensor::scalar(DType::u8, std::uint8_t{100}));
    Value* y = node("QuantizeLinear", {sums, y_scale, y_zero});
    Value* turned = node("Transpose", {node("DequantizeLinear", {y, y_scale, y_zero})});
    graph->add_output(y, "y");
    graph->add_output(node("QuantizeLinear", {turned, y_scale, y_zero}), "turned");
    return graph;
  }

  Tensor bytes(Dims dims) {
    Tensor made(DType::i8, std::move(dims));
    for (std::int8_t& byte : made.mutable_view().as<std::int8_t>()) byte = static_cast<std::int8_t>(random_());
    return made;
  }

 private:
  Value* constant(Tensor tensor) { return graph_->add_constant("c", std::move(tensor)); }
  Value* node(std::string_view op, std::vector<Value*> inputs, Attributes attributes = {}) {
    Node* made = graph_->add_node("", op, std::move(inputs), {std::string(op)});
    made->attributes = std::move(attributes);
    auto inferred = ops::infer(*made);
    REQUIRE_MESSAGE(inferred.has_value(), (inferred ? "" : inferred.error().what));
    return made->output(0);
  }

  std::mt19937 random_;
  Graph* graph_ = nullptr;
};

TEST_CASE("integer products of quantized models are within one step of the float products, and bytes move unchanged") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    Maker maker(seed);
    const std::string_view op = std::array<std::string_view, 3>{"Conv", "MatMul", "Gemm"}[seed % 3];
    INFO(op);
    auto graph = maker.make(op);
    Tensor signs = maker.bytes(op == "Conv" ? Dims{1, 7, 6, 6} : Dims{6, 7});
    Tensor x(DType::u8, signs.dims(), signs.owner(), signs.view().data);
    auto before = interpret(*graph, {x});
    REQUIRE(before.has_value());
    for (const char* pass : {"quantized-moves", "quantized-products"}) {
      auto changes = find(pass)->run(*graph, {});
      REQUIRE(changes.has_value());
      CHECK(*changes == 1);
    }
    REQUIRE(find("decompose")->run(*graph, {}).has_value());
    auto after = interpret(*graph, {x});
    REQUIRE(after.has_value());
    for (std::size_t i = 0; i < before->size(); ++i) {
      auto a = (*before)[i].as<std::uint8_t>(), b = (*after)[i].as<std::uint8_t>();
      REQUIRE((*before)[i].dims() == (*after)[i].dims());
      int largest = 0;
      for (std::size_t j = 0; j < a.size(); ++j) largest = std::max(largest, std::abs(int{a[j]} - int{b[j]}));
      CHECK(largest <= 1);
    }
  }
}

}  // namespace
}  // namespace modelctl::passes
