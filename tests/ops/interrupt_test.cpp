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
  struct Case {
    const char* op;
    std::vector<Dims> inputs;
    Attributes attributes = {};
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
  };
  for (const Case& each : cases) {
    CAPTURE(each.op);
    std::vector<Tensor> tensors;
    std::vector<TensorView> views;
    for (const Dims& dims : each.inputs) tensors.emplace_back(DType::f64, dims);
    for (const Tensor& tensor : tensors) views.push_back(tensor.view());
    Countdown interrupt(3);
    auto outputs = evaluate("", each.op, each.attributes, views, 1, std::uint64_t{1} << 34, &interrupt);
    REQUIRE(!outputs);
    CHECK(outputs.error().code == "interrupted");
    CHECK(interrupt.asked_after() > 0);
    CHECK(interrupt.asked_after() < 60);  // each loop of several images or steps asks once more at most
  }
}

}  // namespace
}  // namespace modelctl::ops
