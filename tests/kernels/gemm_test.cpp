// Matrix products with bias, residual and activation against a direct sum.
#include "kernels/gemm.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;
using kernels::pack_gemm_weights;

namespace {

struct Case {
  std::int64_t m, k, n;
  bool bias = false, residual = false;
  std::string_view activation = "none";
};

std::vector<double> expected(const Case& c, const Tensor& a, const Tensor& b, const Tensor& bias,
                             const Tensor& residual) {
  std::vector<double> y;
  for (std::int64_t i = 0; i < c.m; ++i) {
    for (std::int64_t j = 0; j < c.n; ++j) {
      double sum = c.bias ? bias.as<float>()[static_cast<std::size_t>(j)] : 0;
      for (std::int64_t k = 0; k < c.k; ++k) {
        sum += double(a.as<float>()[static_cast<std::size_t>(i * c.k + k)]) *
               b.as<float>()[static_cast<std::size_t>(k * c.n + j)];
      }
      if (c.residual) sum += residual.as<float>()[static_cast<std::size_t>(i * c.n + j)];
      y.push_back(activate(c.activation, sum));
    }
  }
  return y;
}

void check(const Case& c) {
  CAPTURE(c.m);
  CAPTURE(c.k);
  CAPTURE(c.n);
  CAPTURE(c.activation);
  const Tensor a = random({c.m, c.k}, 1), b = random({c.k, c.n}, 2);
  const Tensor bias = c.bias ? random({c.n}, 3) : Tensor(), residual = c.residual ? random({c.m, c.n}, 4) : Tensor();
  KernelRun run{"gemm_f32", {}, {a, pack_gemm_weights(b.view(), false), bias, residual}, {{c.m, c.n}}};
  set_activation(run.attributes, c.activation);
  const auto want = expected(c, a, b, bias, residual);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    CHECK(distance(run.run_alone(cpu), want) < 3e-5);
  }
}

}  // namespace

TEST_CASE("gemm agrees with the plain sum at every remainder of rows and columns") {
  for (std::int64_t m = 1; m <= 30; ++m) check({m, 7, 17});
  for (std::int64_t n : {1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 300}) {
    for (std::int64_t m : {1, 2, 3, 4, 13, 29}) check({m, 19, n, true, true});
  }
}

TEST_CASE("gemm agrees with the plain sum if the work is cut into many blocks") {
  check({257, 131, 211, true, true, "relu"});
  check({1, 1031, 1021, true});
  check({700, 300, 48});
}

TEST_CASE("gemm applies each activation after bias and residual") {
  for (std::string_view activation : activations) check({5, 11, 37, true, true, activation});
}

TEST_CASE("gemm of empty dimensions gives nothing, or the bias alone") {
  check({0, 5, 7, true});
  check({4, 5, 0});
  check({4, 0, 7, true});
}

TEST_CASE("gemm folds the leading dimensions of A") {
  const Tensor a = random({2, 3, 5, 8}, 1), b = random({8, 9}, 2);
  const Tensor packed = pack_gemm_weights(b.view(), false);
  for (kernels::Cpu cpu : cpus()) {
    const Tensor folded = KernelRun{"gemm_f32", {}, {a, packed}, {{2, 3, 5, 9}}}.run_alone(cpu);
    const Tensor flat = KernelRun{"gemm_f32", {}, {a.reshaped({30, 8}), packed}, {{30, 9}}}.run_alone(cpu);
    CHECK(same(folded.reshaped({30, 9}), flat));
  }
}

TEST_CASE("weights packed from a transposed B are the same bytes, and the factor is in them") {
  const Tensor b = random({21, 37}, 1);
  Tensor transposed(DType::f32, {37, 21});
  for (std::size_t i = 0; i < 21; ++i) {
    for (std::size_t j = 0; j < 37; ++j) {
      transposed.mutable_view().as<float>()[j * 21 + i] = b.as<float>()[i * 37 + j] * 0.5f;
    }
  }
  CHECK(same(pack_gemm_weights(b.view(), false, 0.5f), pack_gemm_weights(transposed.view(), true)));
}

TEST_CASE("a NaN in A reaches its row of Y and no other, through relu too") {
  Tensor a = random({20, 6}, 1);
  a.mutable_view().as<float>()[7 * 6 + 2] = std::numeric_limits<float>::quiet_NaN();
  const Tensor b = random({6, 33}, 2);
  KernelRun run{"gemm_f32", {}, {a, pack_gemm_weights(b.view(), false)}, {{20, 33}}};
  set_activation(run.attributes, "relu");
  for (kernels::Cpu cpu : cpus()) {
    const Tensor y = run.run_alone(cpu);
    for (std::size_t i = 0; i < 20 * 33; ++i) REQUIRE(std::isnan(y.as<float>()[i]) == (i / 33 == 7));
  }
}

TEST_CASE("gemm refuses operands that do not fit") {
  const Tensor a = random({4, 8}, 1), packed = pack_gemm_weights(random({8, 20}, 2).view(), false);
  const KernelRun good{"gemm_f32", {}, {a, packed}, {{4, 20}}};
  const std::string cannot = "cannot bind kernel 'gemm_f32': ";
  KernelRun run = good;
  run.outputs = {{4, 40}};
  CHECK(run.refusal() == cannot + "B has the dimensions [256], not [384]");
  run = good;
  run.outputs = {{5, 20}};
  CHECK(run.refusal() == cannot + "Y has the dimensions [5,20], not [4,20]");
  run = good;
  run.inputs.pop_back();
  CHECK(run.refusal() == cannot + "input 1 is missing");
  run = good;
  run.inputs.push_back(random({19}, 3));
  CHECK(run.refusal() == cannot + "the bias has the dimensions [19], not [20]");
  run = good;
  run.inputs.insert(run.inputs.end(), {Tensor(), random({4, 19}, 3)});
  CHECK(run.refusal() == cannot + "the residual has the dimensions [4,19], not [4,20]");
  run = good;
  run.inputs[0] = Tensor(DType::f64, {4, 8});
  CHECK(run.refusal() == cannot + "input 0 is f64, not f32");
  run = good;
  run.attributes.set("activation", std::string("mish"));
  CHECK(run.refusal() == cannot + "there is no activation 'mish'");
  run = good;
  run.attributes.set("activation", std::int64_t{3});
  CHECK(run.refusal() == cannot + "attribute 'activation' is of another type");
  run = good;
  run.inputs.insert(run.inputs.end(), {Tensor(), Tensor(), Tensor()});
  CHECK(run.refusal() == cannot + "it takes at most 4 inputs");
}
