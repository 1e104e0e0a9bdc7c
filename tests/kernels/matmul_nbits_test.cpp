// Products with weights of 4 and 8 bits against dequantized weights.
#include "kernels/matmul_nbits.hpp"

#include "run_kernel.hpp"
#include "tensor/small.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

void check(std::int64_t m, std::int64_t k, std::int64_t n, int bits, std::int64_t block, bool with_bias) {
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  CAPTURE(bits);
  const std::int64_t blocks = (k + block - 1) / block, row = blocks * block * bits / 8;
  std::mt19937 engine(7);
  std::vector<std::uint8_t> weights(static_cast<std::size_t>(n * row));
  for (std::uint8_t& byte : weights) byte = static_cast<std::uint8_t>(engine());
  std::vector<double> scales, zeros;
  for (std::int64_t i = 0; i < n * blocks; ++i) {
    scales.push_back(static_cast<float>(engine() % 100) / 3000.0f);
    zeros.push_back(engine() % (1u << bits));
  }
  const Tensor a = random({m, k}, 1), bias = with_bias ? random({n}, 2) : Tensor();
  const auto packed = kernels::pack_few_bits(weights.data(), bits, n, k, block, scales, zeros);
  const KernelRun run{"matmul_nbits_f32",
                      {{"bits", std::int64_t{bits}}, {"block", block}},
                      {a, packed.panels, packed.scales, packed.zeros, bias},
                      {{m, n}}};
  std::vector<double> want;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = with_bias ? bias.as<float>()[static_cast<std::size_t>(j)] : 0;
      for (std::int64_t p = 0; p < k; ++p) {
        const auto grain = static_cast<std::size_t>(j * blocks + p / block);
        sum += a.as<float>()[static_cast<std::size_t>(i * k + p)] *
               (modelctl::packed(weights.data() + j * row, p, bits) - zeros[grain]) * scales[grain];
      }
      want.push_back(sum);
    }
  }
  std::vector<kernels::Cpu> all = cpus();
  if (kernels::Cpu::detect().vnni) all.push_back(kernels::Cpu::detect());
  for (kernels::Cpu cpu : all) {
    CAPTURE(name(cpu.isa));
    CHECK(distance(run.run_alone(cpu), want) < 5e-5);
  }
}

}  // namespace

TEST_CASE("products with a few bits agree with the plain sum at every remainder of rows and columns") {
  for (int bits : {4, 8}) {
    for (std::int64_t m = 1; m <= 9; ++m) check(m, 40, 17, bits, 16, m % 2 == 0);
    for (std::int64_t n : {1, 15, 16, 33}) check(2, 64, n, bits, 32, true);
    check(3, 7, 5, bits, 16, false);
    check(1, 333, 50, bits, 128, true);
  }
}

TEST_CASE("products with a few bits refuse operands that do not fit") {
  const std::vector<std::uint8_t> weights(20 * 8);
  const std::vector<double> each(20, 1.0);
  const auto packed = kernels::pack_few_bits(weights.data(), 4, 20, 16, 16, each, each);
  const std::string cannot = "cannot bind kernel 'matmul_nbits_f32': ";
  KernelRun run{"matmul_nbits_f32",
                {{"bits", std::int64_t{4}}, {"block", std::int64_t{16}}},
                {random({2, 16}, 1), packed.panels, packed.scales, packed.zeros},
                {{2, 40}}};
  CHECK(run.refusal() == cannot + "the panels has the dimensions [256], not [384]");
  run.outputs = {{2, 20}};
  run.attributes.set("bits", std::int64_t{3});
  CHECK(run.refusal() == cannot + "attribute 'bits' is 3");
  run.attributes.set("bits", std::int64_t{4});
  run.attributes.set("block", std::int64_t{0});
  CHECK(run.refusal() == cannot + "attribute 'block' is 0");
  run.inputs.resize(3);
  CHECK(run.refusal() == cannot + "it takes 4 or 5 inputs and gives 1 output");
}
