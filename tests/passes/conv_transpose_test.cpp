// What channels-last leaves of a transposed convolution computes what ConvTranspose does.
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
  Dims in, kernel;  // spatial sizes
  Attributes attributes;
  std::int64_t group = 1;
};

TEST_CASE("transposed convolutions of any rank, stride, group and way to say the size get channels last") {
  const Case cases[] = {
      {{5, 4}, {2, 2}, {{"strides", Dims{2, 2}}}},
      {{5, 4}, {3, 3}, {{"strides", Dims{2, 2}}, {"pads", Dims{1, 1, 1, 1}}, {"output_padding", Dims{1, 1}}}},
      {{5, 4}, {4, 3}, {{"strides", Dims{2, 3}}, {"pads", Dims{0, 1, 2, 0}}}, 2},
      {{7}, {16}, {{"strides", Dims{8}}, {"pads", Dims{4, 4}}}},
      {{7}, {3}, {{"strides", Dims{2}}, {"dilations", Dims{2}}, {"auto_pad", std::string("SAME_UPPER")}}},
      {{7}, {3}, {{"strides", Dims{2}}, {"auto_pad", std::string("SAME_LOWER")}}, 4},
      {{7}, {3}, {{"strides", Dims{2}}, {"output_shape", Dims{13}}}},
      {{7}, {3}, {{"strides", Dims{2}}, {"output_shape", Dims{20}}}},
      {{2, 3, 4}, {2, 3, 2}, {{"strides", Dims{2, 1, 3}}, {"pads", Dims{0, 1, 0, 0, 1, 1}}}},
  };
  for (const Case& each : cases) {
    CAPTURE(each.kernel[0]);
    graph::Graph graph;
    graph::Shape shape{2, 4};
    Dims dims{2, 4}, filter{4, 3};
    for (std::int64_t size : each.in) {
      shape.push_back(graph::Expr(size));
      dims.push_back(size);
    }
    filter.insert(filter.end(), each.kernel.begin(), each.kernel.end());
    graph::Value* x = graph.add_input("x", {DType::f32, shape});
    graph::Value* w = graph.add_constant("w", numbers(filter, 1));
    graph::Value* b = graph.add_constant("b", numbers({3 * each.group}, 7));
    graph::Node* node = graph.add_node("", "ConvTranspose", {x, w, b}, {"y"});
    node->attributes = each.attributes;
    node->attributes.set("group", each.group);
    graph.add_output(node->output(0), "y");
    REQUIRE(find("infer")->run(graph, {}).has_value());
    const std::vector<Tensor> inputs{numbers(dims, 3)};
    auto want = test::interpret(graph, inputs);
    REQUIRE_MESSAGE(want.has_value(), (want ? "" : want.error().what));
    auto changed = find("channels-last")->run(graph, {});
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
