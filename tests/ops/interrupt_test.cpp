// Reference implementations that take long end when they are interrupted.
#include "base/interrupt.hpp"
#include "ops/schema/operator.hpp"

#include <doctest/doctest.h>

#include <atomic>

namespace modelctl::ops {
namespace {

// Requested from the n-th question on; counts how often it is asked.
class Countdown final : public Interrupt {
 public:
  explicit Countdown(int n) : left_(n) {}
  bool requested() const override { return --left_ < 0; }
  int asked_after() const { return left_ < 0 ? -left_ : 0; }

 private:
  mutable std::atomic<int> left_;
};

TEST_CASE("operators whose sums take long ask whether they are interrupted, and end then") {
  using Ints = std::vector<std::int64_t>;
  using Numbers = std::vector<float>;
  struct Case {
    const char* op;
    std::vector<Dims> inputs;
    Attributes attributes = {};
    const char* domain = "";
    DType type = DType::f64;
  };
  const Case cases[] = {
      {"MatMul", {{70, 300}, {300, 40}}},
      {"Gemm", {{70, 300}, {300, 40}}},
      {"Conv", {{2, 3, 40, 40}, {4, 3, 3, 3}}},
      {"ConvTranspose", {{2, 3, 40, 40}, {3, 4, 3, 3}}},
      {"MaxPool", {{2, 3, 40, 40}}, {{"kernel_shape", Ints{3, 3}}}},
      {"AveragePool", {{2, 3, 40, 40}}, {{"kernel_shape", Ints{3, 3}}}},
      {"Einsum", {{40, 40}, {40, 40}}, {{"equation", std::string("ij,jk->ik")}}},
      {"Attention", {{1, 2, 40, 8}, {1, 2, 40, 8}, {1, 2, 40, 8}}},
      {"RNN", {{60, 2, 3}, {1, 4, 3}, {1, 4, 4}}, {{"hidden_size", std::int64_t{4}}}},
      {"Exp", {{1000, 1000}}},
      {"Det", {{40, 4, 4}}},
      {"LRN", {{1, 40, 40, 40}}, {{"size", std::int64_t{5}}}, "", DType::f32},
      {"LpNormalization", {{40, 4}}},
      {"GridSample", {{1, 40, 4, 4}, {1, 4, 4, 2}}, {}, "", DType::f32},
      {"MaxRoiPool", {{1, 40, 4, 4}, {1, 5}}, {{"pooled_shape", Ints{2, 2}}}, "", DType::f32},
      {"DeformConv", {{1, 3, 6, 6}, {40, 3, 3, 3}, {1, 18, 4, 4}}, {}, "", DType::f32},
      {"CDist", {{40, 70}, {300, 70}}, {{"metric", std::string("euclidean")}}, "com.microsoft"},
      {"LinearRegressor", {{40, 2}}, {{"coefficients", Numbers{1, 2}}}, "ai.onnx.ml", DType::f32},
      {"SVMRegressor",
       {{40, 2}},
       {{"coefficients", Numbers{1, 2}}, {"rho", Numbers{0}}, {"kernel_type", std::string("LINEAR")}},
       "ai.onnx.ml",
       DType::f32},
  };
  for (const Case& each : cases) {
    CAPTURE(std::string(each.op));
    std::vector<Tensor> tensors;
    std::vector<TensorView> views;
    for (const Dims& dims : each.inputs) tensors.emplace_back(each.type, dims);
    for (const Tensor& tensor : tensors) views.push_back(tensor.view());
    Countdown interrupt(3);
    auto outputs = evaluate(each.domain, each.op, each.attributes, views, 1, std::uint64_t{1} << 34, &interrupt);
    REQUIRE(!outputs);
    CHECK(outputs.error().code == "interrupted");
    CHECK(interrupt.asked_after() > 0);
    CHECK(interrupt.asked_after() < 60);  // each loop of several images or steps asks once more at most
  }
}

TEST_CASE("the sort of one long row ends when it is interrupted") {
  Tensor x(DType::f64, {200'000}), k = Tensor::of<std::int64_t>(DType::i64, {1}, {100'000});
  const TensorView views[] = {x.view(), k.view()};
  Countdown interrupt(3);
  auto outputs = evaluate("", "TopK", {}, views, 2, std::uint64_t{1} << 34, &interrupt);
  REQUIRE(!outputs);
  CHECK(outputs.error().code == "interrupted");
  CHECK(interrupt.asked_after() == 2);
}

}  // namespace
}  // namespace modelctl::ops
