// Defects that differential fuzzing (tests/differential) found in passes, lowering, upgrades and the runtime, each as a
// minimal graph. Defects of an operator are examples in the operator's file.
#include "lower/lower.hpp"
#include "ops/schema/example.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/model.hpp"

#include "onnx/models.hpp"
#include "support/scratch.hpp"

using namespace modelctl;
using namespace modelctl::ops;  // the short names of tensors

namespace {

struct Found {
  std::string_view graph;  // as operators of `opset`
  int opset;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

Result<std::vector<Tensor>> run(const Found& found, int level) {
  std::string bytes = onnx::test::bytes_of(found.graph, {.opsets = {{"", found.opset}}});
  auto model = TRY(onnx::test::load(bytes));
  passes::PipelineOptions options;
  options.level = level;
  TRY(passes::run_pipeline(*model.graph, options));
  auto lowered = TRY(lower::lower(*model.graph));
  test::Scratch scratch;
  TRY(lowered.weights.write(lowered.plan, scratch / "artifact"));
  auto loaded =
      TRY(runtime::Model::load(TRY(artifact::open(scratch / "artifact")), ops::run_table(), kernels::Cpu::detect()));
  kernels::Alone alone;
  runtime::Session session(loaded, alone);
  std::vector<TensorView> views;
  for (const Tensor& input : found.inputs) views.push_back(input.view());
  return session.run(views);
}

void check(const Found& found) {
  for (int level : {0, 1, 2, 3}) {
    CAPTURE(level);
    auto outputs = run(found, level);
    REQUIRE_MESSAGE(outputs, onnx::test::message_of(outputs));
    REQUIRE(outputs->size() == found.outputs.size());
    for (std::size_t i = 0; i < outputs->size(); ++i) {
      CAPTURE(i);
      CHECK(same((*outputs)[i], found.outputs[i]));
    }
  }
}

}  // namespace

TEST_CASE("binary kernels accept empty tensors") {
  check({R"(graph "net" { input a: f32[n,3]
           input b: f32[3]
           y = Div(a, b)
           output y })",
         14,
         {f32({0, 3}, {}), f32({3}, {1, 2, 3})},
         {f32({0, 3}, {})}});
}

TEST_CASE("until opset 12, Softmax of an empty tensor is empty") {
  check({R"(graph "net" { input x: f32[n,2,3]
           y = Softmax(x) {axis: 1}
           output y })",
         11,
         {f32({0, 2, 3}, {})},
         {f32({0, 2, 3}, {})}});
}

TEST_CASE("an unused node has no effect, whatever its kernel requires") {
  check({R"(graph "net" { input x: f32[1,1,1]
           input w: f32[1,4,1]
           input r: f32[1,4,1]
           y, h, c = LSTM(x, w, r) {hidden_size: 1}
           z = Neg(x)
           output z })",
         14,
         {f32({1, 1, 1}, {2}), f32({1, 4, 1}, {1, 1, 1, 1}), f32({1, 4, 1}, {1, 1, 1, 1})},
         {f32({1, 1, 1}, {-2})}});
}

TEST_CASE("Attention may be asked for its cache alone") {
  check({R"(graph "net" { input q: f32[1,1,1,1]
           input k: f32[1,1,1,1]
           input v: f32[1,1,1,1]
           input past_k: f32[1,1,1,1]
           input past_v: f32[1,1,1,1]
           y, keys, values = Attention(q, k, v, _, past_k, past_v)
           output values })",
         24,
         {f32({1, 1, 1, 1}, {1}), f32({1, 1, 1, 1}, {2}), f32({1, 1, 1, 1}, {3}), f32({1, 1, 1, 1}, {4}),
          f32({1, 1, 1, 1}, {5})},
         {f32({1, 1, 2, 1}, {5, 3})}});
}

TEST_CASE("LayerNormalization may be asked for its mean alone") {
  check({R"(graph "net" { input x: f32[2]
           input scale: f32[2]
           y, mean = LayerNormalization(x, scale)
           output mean })",
         17,
         {f32({2}, {1, 3}), f32({2}, {1, 1})},
         {f32({1}, {2})}});
}

TEST_CASE("a convolution whose windows do not fit the height is refused, by the kernel too") {
  Found found{R"(graph "net" { input x: f32[1,1,h,2]
                const w: f32[1,1,3,1] = [1, 1, 1]
                y = Conv(x, w)
                output y })",
              17,
              {f32({1, 1, 2, 2}, {1, 2, 3, 4})},
              {}};
  auto evaluated = run(found, 0);
  REQUIRE(!evaluated);
  CHECK(evaluated.error().what == "a window of 3 does not fit 2, the padded size of axis 2");
  auto bound = run(found, 2);
  REQUIRE(!bound);
  CHECK(bound.error().what ==
        "cannot bind kernel 'conv_nhwc_f32': a window of 3 does not fit 2, the padded size of axis 2");
}

TEST_CASE("of DynamicQuantizeLinear, the scale alone may be asked for") {
  check({R"(graph "net" { input x: f32[n]
           q, scale, zero = DynamicQuantizeLinear(x)
           output scale })",
         11,
         {f32({2}, {0, 255})},
         {f32({}, {1})}});
}

TEST_CASE("until opset 9, the mask of Dropout is of the data's type") {
  check({R"(graph "net" { input x: f32[2]
           y, mask = Dropout(x)
           output y
           output mask })",
         7,
         {f32({2}, {5, 6})},
         {f32({2}, {5, 6}), f32({2}, {1, 1})}});
}
