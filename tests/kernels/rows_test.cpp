// Kernels over rows: softmax, normalization, means.
#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

constexpr std::int64_t sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 64, 65, 100, 1000};

double value(const Tensor& t, std::int64_t i) { return t.as<float>()[static_cast<std::size_t>(i)]; }

}  // namespace

TEST_CASE("softmax and its logarithm agree with the plain sum for rows of any size") {
  for (std::int64_t n : sizes) {
    CAPTURE(n);
    const Tensor x = random({5, n}, 1);
    std::vector<double> want, want_log;
    for (std::int64_t row = 0; row < 5; ++row) {
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += std::exp(value(x, row * n + i));
      for (std::int64_t i = 0; i < n; ++i) {
        want.push_back(std::exp(value(x, row * n + i)) / sum);
        want_log.push_back(value(x, row * n + i) - std::log(sum));
      }
    }
    for (kernels::Cpu cpu : cpus()) {
      CAPTURE(name(cpu.isa));
      CHECK(distance(KernelRun{"softmax_f32", {}, {x}, {{5, n}}}.run_alone(cpu), want) < 1e-6);
      CHECK(distance(KernelRun{"log_softmax_f32", {}, {x}, {{5, n}}}.run_alone(cpu), want_log) < 2e-6);
    }
  }
}

TEST_CASE("softmax takes large numbers and minus infinity, and is NaN if a number is") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::of<float>(
      DType::f32, {3, 3}, {1e30f, 1e30f, -1e30f, -infinity, 3, 3, 0, std::numeric_limits<float>::quiet_NaN(), 1});
  for (kernels::Cpu cpu : cpus()) {
    const Tensor y = KernelRun{"softmax_f32", {}, {x}, {{3, 3}}}.run_alone(cpu);
    const float want[] = {0.5f, 0.5f, 0, 0, 0.5f, 0.5f};
    for (std::size_t i = 0; i < 6; ++i) CHECK(y.as<float>()[i] == want[i]);
    for (std::size_t i = 6; i < 9; ++i) CHECK(std::isnan(y.as<float>()[i]));
  }
}

TEST_CASE("layer normalization and mean agree with the plain sum, over one axis or several") {
  for (std::int64_t n : sizes) {
    CAPTURE(n);
    const Tensor x = random({4, 2, n}, 1);
    const Tensor scale = random({n}, 2), bias = random({n}, 3), scale_of_two = random({2, n}, 4);
    const auto reference = [&](std::int64_t size, const Tensor* by, const Tensor* plus, std::vector<double>& mean,
                               std::vector<double>& inverse) {
      std::vector<double> y;
      for (std::int64_t row = 0; row < 8 * n / size; ++row) {
        double center = 0, squares = 0;
        for (std::int64_t i = 0; i < size; ++i) center += value(x, row * size + i) / static_cast<double>(size);
        for (std::int64_t i = 0; i < size; ++i) squares += std::pow(value(x, row * size + i) - center, 2);
        mean.push_back(center);
        inverse.push_back(1 / std::sqrt(squares / static_cast<double>(size) + 0.01));
        for (std::int64_t i = 0; i < size; ++i) {
          y.push_back((value(x, row * size + i) - center) * inverse.back() * (by ? value(*by, i) : 1) +
                      (plus ? value(*plus, i) : 0));
        }
      }
      return y;
    };
    std::vector<double> mean, inverse, mean_of_two, inverse_of_two;
    const auto want = reference(n, &scale, &bias, mean, inverse);
    const auto want_of_two = reference(2 * n, &scale_of_two, nullptr, mean_of_two, inverse_of_two);
    for (kernels::Cpu cpu : cpus()) {
      CAPTURE(name(cpu.isa));
      const KernelRun run{
          "layer_normalization_f32", {{"epsilon", 0.01f}}, {x, scale, bias}, {{4, 2, n}, {4, 2, 1}, {4, 2, 1}}};
      kernels::Alone alone;
      const auto outputs = run.run(cpu, alone);
      REQUIRE(outputs.has_value());
      CHECK(distance((*outputs)[0], want) < 1e-5);
      CHECK(distance((*outputs)[1], mean) < 1e-6);
      CHECK(distance((*outputs)[2], inverse) < 1e-5);
      const KernelRun of_two{
          "layer_normalization_f32", {{"epsilon", 0.01f}, {"axis", std::int64_t{1}}}, {x, scale_of_two}, {{4, 2, n}}};
      CHECK(distance(of_two.run_alone(cpu), want_of_two) < 1e-5);
      CHECK(distance(KernelRun{"reduce_mean_f32", {}, {x}, {{4, 2}}}.run_alone(cpu), mean) < 1e-6);
    }
  }
}

TEST_CASE("kernels over rows refuse operands that do not fit") {
  CHECK(KernelRun{"softmax_f32", {{"axis", std::int64_t{2}}}, {random({3, 4}, 1)}, {{3, 4}}}.refusal() ==
        "cannot bind kernel 'softmax_f32': X has no axis 2");
  CHECK(KernelRun{"layer_normalization_f32", {}, {random({3, 4}, 1), random({3}, 2)}, {{3, 4}}}.refusal() ==
        "cannot bind kernel 'layer_normalization_f32': the scale differs in size from a row");
  CHECK(KernelRun{"reduce_mean_f32", {}, {random({3, 4}, 1)}, {{4}}}.refusal() ==
        "cannot bind kernel 'reduce_mean_f32': Y differs in size from the number of rows");
}

TEST_CASE("a row over the root of its mean square agrees with the plain sum") {
  for (std::int64_t n : sizes) {
    CAPTURE(n);
    const Tensor x = random({3, n}, 1), scale = random({n}, 2);
    std::vector<double> want;
    for (std::int64_t row = 0; row < 3; ++row) {
      double squares = 0;
      for (std::int64_t i = 0; i < n; ++i) squares += std::pow(value(x, row * n + i), 2) / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i) {
        want.push_back(value(x, row * n + i) / std::sqrt(squares + 0.01) * value(scale, i));
      }
    }
    for (kernels::Cpu cpu : cpus()) {
      CHECK(distance(KernelRun{"rms_normalization_f32", {{"epsilon", 0.01f}}, {x, scale}, {{3, n}}}.run_alone(cpu),
                     want) < 1e-5);
    }
  }
  CHECK(KernelRun{"rms_normalization_f32", {}, {random({2, 3}, 1), random({2}, 1)}, {{2, 3}}}.refusal() ==
        "cannot bind kernel 'rms_normalization_f32': the scale differs in size from a row");
}
