// The result of expand-gradients computes the derivatives that finite differences of the inputs give.
#include "graph/text.hpp"
#include "passes/pass.hpp"

#include "interpret.hpp"

#include <doctest/doctest.h>

namespace modelctl::passes {
namespace {

// A graph of f64 inputs x [2,3] and w [3,2] whose y is made by `body`, with its Gradient by both.
std::string graph_of(const std::string& body) {
  return "graph \"g\" {\n  input x: f64[2,3]\n  input w: f64[3,2]\n  const three: f64[] = [3.0]\n"
         "  const row: f64[3] = [0.5, 1.5, 2.0]\n  const last: i64[1] = [1]\n  const flat: i64[1] = [6]\n" +
         body +
         "  dx, dw = ai.onnx.preview.training::Gradient(x, w) {xs: [\"x\", \"w\"], y: \"y\"}\n"
         "  output y\n  output dx\n  output dw\n}\n";
}

Tensor positive(Dims dims, double first) {
  Tensor tensor(DType::f64, std::move(dims));
  for (double& value : tensor.mutable_view().as<double>()) value = first += 0.17;
  return tensor;
}

double sum(const Tensor& tensor) {
  double total = 0;
  for (double value : tensor.as<double>()) total += value;
  return total;
}

TEST_CASE("derivatives agree with the differences that small steps make") {
  const std::string bodies[] = {"  y = MatMul(x, w)\n",
                                "  a = MatMul(x, w)\n  y = Softmax(a) {axis: -1}\n",
                                "  a = Gemm(x, w) {alpha: 2.0}\n  y = Mul(a, a)\n",
                                "  a = Gemm(w, x) {transA: 1, transB: 1}\n  y = Sigmoid(a)\n",
                                "  a = Add(x, row)\n  b = Mul(a, row)\n  c = Log(b)\n  y = Tanh(c)\n",
                                "  a = ReduceMean(x, last) {keepdims: 0}\n  b = Exp(a)\n  y = Div(b, three)\n",
                                "  a = Transpose(w)\n  b = Sub(x, a)\n  y = Pow(b, three)\n",
                                "  a = Reshape(x, flat)\n  b = Sqrt(a)\n  c = Reshape(w, flat)\n  y = Div(b, c)\n",
                                "  a = ReduceSum(x)\n  b = Sin(w)\n  y = Mul(a, b)\n",
                                "  a = Relu(x)\n  b = Abs(a)\n  y = Erf(b)\n"};
  for (const std::string& body : bodies) {
    CAPTURE(body);
    auto graph = graph::parse_text(graph_of(body), "test");
    REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
    REQUIRE(find("infer")->run(**graph, {}).has_value());
    auto expanded = find("expand-gradients")->run(**graph, {});
    REQUIRE_MESSAGE(expanded.has_value(), (expanded ? "" : expanded.error().what));
    REQUIRE(verify(**graph).has_value());
    const std::vector<Tensor> at{positive({2, 3}, 0.3), positive({3, 2}, 0.6)};
    auto outputs = test::interpret(**graph, at);
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    for (std::size_t input = 0; input < 2; ++input) {
      for (std::size_t i = 0; i < 6; ++i) {
        double ends[2];
        for (int side = 0; side < 2; ++side) {
          std::vector<Tensor> moved{positive({2, 3}, 0.3), positive({3, 2}, 0.6)};
          moved[input].mutable_view().as<double>()[i] += side == 0 ? -1e-5 : 1e-5;
          ends[side] = sum((*test::interpret(**graph, moved))[0]);
        }
        const double slope = (ends[1] - ends[0]) / 2e-5;
        CHECK((*outputs)[1 + input].as<double>()[i] == doctest::Approx(slope).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a second derivative is the derivative of one by name") {
  auto graph = graph::parse_text(
      "graph \"g\" {\n  input x: f64[2]\n  y = Exp(x)\n"
      "  d = ai.onnx.preview.training::Gradient(x) {xs: [\"x\"], y: \"y\"}\n"
      "  dd = ai.onnx.preview.training::Gradient(x) {xs: [\"x\"], y: \"d\"}\n  output dd\n}\n",
      "test");
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
  REQUIRE(find("infer")->run(**graph, {}).has_value());
  REQUIRE(find("expand-gradients")->run(**graph, {}).has_value());
  auto outputs = test::interpret(**graph, {positive({2}, 0)});
  REQUIRE(outputs.has_value());
  CHECK((*outputs)[0].as<double>()[1] == doctest::Approx(std::exp(0.34)));
}

TEST_CASE("derivatives of derivatives without end are refused before they fill the memory") {
  std::string text = "graph \"g\" {\n  input x: f64[2]\n  y = Exp(x)\n  d0 = Tanh(y)\n";
  for (int i = 1; i <= 60; ++i) {
    text += "  d" + std::to_string(i) + " = ai.onnx.preview.training::Gradient(x) {xs: [\"x\"], y: \"d" +
            std::to_string(i - 1) + "\"}\n";
  }
  auto graph = graph::parse_text(text + "  output d60\n}\n", "test");
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
  REQUIRE(find("infer")->run(**graph, {}).has_value());
  auto done = find("expand-gradients")->run(**graph, {});
  REQUIRE(!done);
  CHECK(done.error().what == "cannot expand a Gradient: the model's derivatives take more than 100000 nodes");
}

TEST_CASE("a derivative at another place computes the value there again") {
  auto graph = graph::parse_text(
      "graph \"g\" {\n  input x: f64[2]\n  input at: f64[2]\n  a = Exp(x)\n  y = Mul(a, a)\n"
      "  d = ai.onnx.preview.training::Gradient(at) {xs: [\"x\"], y: \"y\"}\n  output d\n  output y\n}\n",
      "test");
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
  REQUIRE(find("infer")->run(**graph, {}).has_value());
  REQUIRE(find("expand-gradients")->run(**graph, {}).has_value());
  auto outputs = test::interpret(**graph, {positive({2}, 0), positive({2}, 1)});
  REQUIRE(outputs.has_value());
  CHECK((*outputs)[0].as<double>()[0] == doctest::Approx(2 * std::exp(2 * 1.17)));
  CHECK((*outputs)[1].as<double>()[0] == doctest::Approx(std::exp(2 * 0.17)));
}

TEST_CASE("an operator that is not differentiated, and a name that there is not, are refused") {
  auto refusal = [](const std::string& body, const char* xs) {
    auto graph = graph::parse_text("graph \"g\" {\n  input x: f64[2,3]\n" + body +
                                       "  dx = ai.onnx.preview.training::Gradient(x) {xs: [\"" + xs +
                                       "\"], y: \"y\"}\n  output dx\n}\n",
                                   "test");
    REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
    REQUIRE(find("infer")->run(**graph, {}).has_value());
    auto expanded = find("expand-gradients")->run(**graph, {});
    REQUIRE_FALSE(expanded.has_value());
    return expanded.error().what;
  };
  CHECK(refusal("  y = Acosh(x)\n", "x") == "cannot differentiate Acosh, which is between x and y of a Gradient");
  CHECK(refusal("  y = Exp(x)\n", "z") == "cannot use ai.onnx.preview.training::Gradient: no value is named 'z'");
}

}  // namespace
}  // namespace modelctl::passes
