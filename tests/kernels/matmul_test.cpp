// Batched matrix products with broadcast leading dimensions.
#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

void check(const Dims& a_dims, const Dims& b_dims, const Dims& y_dims, bool transposed, float alpha = 1.0f) {
  const Tensor a = random(a_dims, 1), b = random(b_dims, 2);
  const std::int64_t m = y_dims[y_dims.size() - 2], n = y_dims.back(), k = a_dims.back();
  const auto lead = [](const Dims& dims, const Dims& y, std::int64_t matrix) {
    std::int64_t at = 0, step = 1;
    for (std::size_t i = 2; i < y.size(); ++i) {
      const std::int64_t dim = y[y.size() - 1 - i], coordinate = matrix % dim;
      matrix /= dim;
      if (i >= dims.size()) continue;
      if (dims[dims.size() - 1 - i] != 1) at += coordinate * step;
      step *= dims[dims.size() - 1 - i];
    }
    return at;
  };
  std::vector<double> want;
  const std::int64_t count = m * n == 0 ? 0 : Tensor(DType::f32, y_dims).elements() / (m * n);
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    const float* left = a.as<float>().data() + lead(a_dims, y_dims, matrix) * m * k;
    const float* right = b.as<float>().data() + lead(b_dims, y_dims, matrix) * k * n;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l) sum += double(left[i * k + l]) * right[transposed ? j * k + l : l * n + j];
        want.push_back(sum * alpha);
      }
  }
  KernelRun run{"matmul_f32", {{"transposed", std::int64_t{transposed}}, {"alpha", alpha}}, {a, b}, {y_dims}};
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    CHECK(distance(run.run_alone(cpu), want) < 3e-5);
  }
}

}  // namespace

TEST_CASE("matmul agrees with the plain sum for odd sizes, transposed or not") {
  for (std::int64_t n : {1, 5, 16, 19, 33, 70}) {
    for (std::int64_t m : {1, 3, 17}) {
      check({m, 13}, {13, n}, {m, n}, false);
      check({m, 13}, {n, 13}, {m, n}, true, 0.125f);
    }
  }
}

TEST_CASE("matmul broadcasts the leading dimensions of either side") {
  check({2, 3, 5, 7}, {2, 3, 7, 9}, {2, 3, 5, 9}, false);
  check({2, 3, 5, 7}, {7, 9}, {2, 3, 5, 9}, false);
  check({5, 7}, {4, 9, 7}, {4, 5, 9}, true);
  check({2, 1, 5, 7}, {3, 7, 9}, {2, 3, 5, 9}, false);
  check({0, 5, 7}, {7, 9}, {0, 5, 9}, false);
  check({3, 5, 0}, {3, 0, 9}, {3, 5, 9}, false);
}

TEST_CASE("matmul refuses operands that do not fit") {
  const std::string cannot = "cannot bind kernel 'matmul_f32': ";
  CHECK(KernelRun{"matmul_f32", {}, {random({4, 5}, 1), random({6, 7}, 2)}, {{4, 7}}}.refusal() ==
        cannot + "A and B differ in K");
  CHECK(KernelRun{"matmul_f32", {}, {random({2, 4, 5}, 1), random({3, 5, 7}, 2)}, {{2, 4, 7}}}.refusal() ==
        cannot + "the leading dimensions do not broadcast");
  CHECK(KernelRun{"matmul_f32", {}, {random({4, 5}, 1), random({5, 7}, 2)}, {{4, 8}}}.refusal() ==
        cannot + "Y has the dimensions [4,8], not [4,7]");
  CHECK(KernelRun{"matmul_f32", {}, {random({5}, 1), random({5, 7}, 2)}, {{7}}}.refusal() ==
        cannot + "A and B have at least two dimensions");
}
