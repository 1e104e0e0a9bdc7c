// The result of sub-pixels computes the same as ConvTranspose.
#include "passes/pass.hpp"

#include "interpret.hpp"

#include <doctest/doctest.h>

namespace modelctl::passes {
namespace {

// Small whole numbers, so that sums are exact in any order.
Tensor numbers(Dims dims, std::int64_t seed) {
  Tensor tensor(DType::f32, std::move(dims));
  std::int64_t i = seed;
  for (float& value : tensor.mutable_view().as<float>()) value = static_cast<float>(i++ * 37 % 11 - 5);
  return tensor;
}

struct Case {
  Dims kernel, pads, padding;
  std::int64_t stride;
};

TEST_CASE("blocks of pixels are the transposed convolution, for kernels, paddings and strides that do not divide") {
  const Case cases[] = {{{2, 2}, {0, 0, 0, 0}, {}, 2},     {{3, 3}, {1, 1, 1, 1}, {1, 1}, 2},
                        {{4, 4}, {1, 1, 1, 1}, {}, 2},     {{4, 3}, {0, 1, 2, 0}, {}, 2},
                        {{5, 2}, {2, 0, 1, 1}, {1, 0}, 3}, {{1, 1}, {0, 0, 0, 0}, {}, 2},
                        {{7, 7}, {3, 3, 3, 3}, {0, 1}, 4}};
  for (const Case& each : cases) {
    CAPTURE(each.kernel[0]);
    graph::Graph graph;
    graph::Value* x = graph.add_input("x", {DType::f32, graph::Shape{2, 3, graph::Expr::symbol("h"), 4}});
    graph::Value* w = graph.add_constant("w", numbers({3, 2, each.kernel[0], each.kernel[1]}, 1));
    graph::Value* b = graph.add_constant("b", numbers({2}, 7));
    graph::Node* node = graph.add_node("", "ConvTranspose", {x, w, b}, {"y"});
    node->attributes = {{"strides", Dims{each.stride, each.stride}}, {"pads", each.pads}};
    if (!each.padding.empty()) node->attributes.set("output_padding", each.padding);
    graph.add_output(node->output(0), "y");
    REQUIRE(find("infer")->run(graph, {}).has_value());
    const std::vector<Tensor> inputs{numbers({2, 3, 5, 4}, 3)};
    auto want = test::interpret(graph, inputs);
    REQUIRE_MESSAGE(want.has_value(), (want ? "" : want.error().what));
    auto changed = find("sub-pixels")->run(graph, {});
    REQUIRE(changed.has_value());
    CHECK(*changed == 1);
    REQUIRE(verify(graph).has_value());
    auto got = test::interpret(graph, inputs);
    REQUIRE_MESSAGE(got.has_value(), (got ? "" : got.error().what));
    CHECK(test::difference((*got)[0], (*want)[0], 0) == "");
  }
}

}  // namespace
}  // namespace modelctl::passes
