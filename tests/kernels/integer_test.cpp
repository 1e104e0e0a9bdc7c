// Integer products and convolutions are exact: they are compared with a direct sum for equality.
#include "kernels/integer_conv.hpp"
#include "kernels/integer_gemm.hpp"
#include "runtime/thread_pool.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;
using kernels::PackedBytes;

namespace {

// Bytes of all values, the extreme ones often, where products and their sums are largest.
Tensor bytes(DType type, Dims dims, unsigned seed) {
  Tensor tensor(type, std::move(dims));
  std::mt19937 engine(seed);
  constexpr std::uint8_t extremes[] = {0, 255, 127, 128};
  for (std::uint8_t& value : tensor.mutable_view().as<std::uint8_t>()) {
    const auto draw = engine();
    value = draw % 3 == 0 ? extremes[draw / 3 % 4] : static_cast<std::uint8_t>(draw >> 24);
  }
  return tensor;
}

std::int64_t value(const Tensor& tensor, std::int64_t at) {
  const auto byte = tensor.as<std::uint8_t>()[static_cast<std::size_t>(at)];
  return tensor.type() == DType::i8 ? static_cast<std::int8_t>(byte) : byte;
}
// Of a zero point: absent, one for all, or one each.
std::int64_t zero(const Tensor& tensor, std::int64_t at) {
  return !tensor.present() ? 0 : value(tensor, tensor.elements() == 1 ? 0 : at);
}

Tensor whole(Dims dims, unsigned seed) {
  Tensor tensor(DType::i32, std::move(dims));
  std::mt19937 engine(seed);
  for (std::int32_t& each : tensor.mutable_view().as<std::int32_t>()) each = static_cast<std::int32_t>(engine()) >> 8;
  return tensor;
}

// As the specification says: multiplied in f32, rounded to even, and the zero point added.
std::int64_t quantized(std::int64_t sum, float factor, std::int64_t shift, DType type) {
  const std::int64_t low = type == DType::u8 ? 0 : -128;
  const double steps = std::nearbyint(static_cast<float>(static_cast<std::int32_t>(sum)) * factor);
  return static_cast<std::int64_t>(
      std::min(std::max(steps + static_cast<double>(shift), static_cast<double>(low)), static_cast<double>(low + 255)));
}

std::vector<kernels::Cpu> byte_cpus() {
  std::vector<kernels::Cpu> all = cpus();
  const kernels::Cpu here = kernels::Cpu::detect();
  if (here.vnni) all.push_back(here);
  return all;
}

struct Case {
  std::int64_t m, k, n;
  DType a = DType::u8, b = DType::i8;
  bool zeros = false, bias = false;
  DType out = DType::i32;
};

void check(const Case& c) {
  CAPTURE(c.m);
  CAPTURE(c.k);
  CAPTURE(c.n);
  const Tensor a = bytes(c.a, {c.m, c.k}, 1), b = bytes(c.b, {c.k, c.n}, 2);
  const Tensor a_zero = c.zeros ? bytes(c.a, {}, 3) : Tensor(), b_zero = c.zeros ? bytes(c.b, {c.n}, 4) : Tensor();
  const Tensor bias = c.bias ? whole({c.n}, 5) : Tensor();
  const PackedBytes packed =
      kernels::pack_bytes(b.view(), c.k, c.n, c.n, 1, c.zeros ? b_zero.view() : TensorView(), bias.view());
  KernelRun run{"integer_gemm", {}, {a, packed.panels, packed.columns, a_zero}, {{c.m, c.n}}};
  Tensor factors;
  run.type = c.out;
  if (c.out != DType::i32) {
    factors = random({c.n}, 6);
    for (float& factor : factors.mutable_view().as<float>()) factor *= 1e-2f;
    run.inputs.push_back(factors);
    run.attributes.set("zero", std::int64_t{5});
  }
  std::vector<std::int64_t> want;
  for (std::int64_t i = 0; i < c.m; ++i) {
    for (std::int64_t j = 0; j < c.n; ++j) {
      std::int64_t sum = c.bias ? bias.as<std::int32_t>()[static_cast<std::size_t>(j)] : 0;
      for (std::int64_t k = 0; k < c.k; ++k) {
        sum += (value(a, i * c.k + k) - zero(a_zero, 0)) * (value(b, k * c.n + j) - zero(b_zero, j));
      }
      want.push_back(c.out == DType::i32 ? sum
                                         : quantized(sum, factors.as<float>()[static_cast<std::size_t>(j)], 5, c.out));
    }
  }
  for (kernels::Cpu cpu : byte_cpus()) {
    CAPTURE(name(cpu.isa));
    CAPTURE(cpu.vnni);
    const Tensor got = run.run_alone(cpu);
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const std::int64_t each =
          c.out == DType::i32 ? got.as<std::int32_t>()[i] : value(got, static_cast<std::int64_t>(i));
      wrong += each != want[i];
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("integer gemm is exact at every remainder of rows, columns and depth") {
  for (std::int64_t m = 1; m <= 26; ++m) check({m, 7, 17});
  for (std::int64_t k = 0; k <= 9; ++k) check({3, k, 5, DType::i8, DType::u8, true});
  for (std::int64_t n : {1, 15, 16, 17, 33, 100}) check({5, 30, n, DType::i8, DType::i8, true, true});
}

TEST_CASE("integer gemm is exact for each pair of types, with zero points, biases and quantized outputs") {
  for (DType a : {DType::u8, DType::i8}) {
    for (DType b : {DType::u8, DType::i8}) {
      for (DType out : {DType::i32, DType::u8, DType::i8}) {
        check({13, 67, 35, a, b, true, true, out});
        check({4, 64, 16, a, b, false, false, out});
      }
    }
  }
}

TEST_CASE("integer gemm is exact if sums are long and the work is cut into many blocks") {
  check({70, 1031, 211, DType::u8, DType::i8, true, true});
  check({2, 16384, 40});
}

TEST_CASE("integer gemm gives the same at any number of threads") {
  const Tensor a = bytes(DType::u8, {200, 300}, 1), b = bytes(DType::i8, {300, 150}, 2);
  const PackedBytes packed = kernels::pack_bytes(b.view(), 300, 150, 150, 1, {}, {});
  KernelRun run{"integer_gemm", {}, {a, packed.panels, packed.columns}, {{200, 150}}};
  run.type = DType::i32;
  for (kernels::Cpu cpu : byte_cpus()) {
    runtime::ThreadPool workers(3);
    auto several = run.run(cpu, workers);
    REQUIRE(several.has_value());
    CHECK(same((*several)[0], run.run_alone(cpu)));
  }
}

TEST_CASE("integer gemm refuses operands that do not fit") {
  const Tensor a = bytes(DType::u8, {4, 8}, 1), b = bytes(DType::i8, {8, 20}, 2);
  const PackedBytes packed = kernels::pack_bytes(b.view(), 8, 20, 20, 1, {}, {});
  KernelRun good{"integer_gemm", {}, {a, packed.panels, packed.columns}, {{4, 20}}};
  good.type = DType::i32;
  const std::string cannot = "cannot bind kernel 'integer_gemm': ";
  KernelRun run = good;
  run.outputs = {{4, 40}};
  CHECK(run.refusal() == cannot + "the panels has the dimensions [256], not [384]");
  run = good;
  run.inputs[0] = random({4, 8}, 1);
  CHECK(run.refusal() == cannot + "input 0 is f32, not u8 or i8");
  run = good;
  run.inputs.push_back(bytes(DType::i8, {}, 3));
  CHECK(run.refusal() == cannot + "the zero point is i8, not u8");
  run = good;
  run.type = DType::u8;
  CHECK(run.refusal() == cannot + "the output is u8, not i32");
  run = good;
  run.inputs.pop_back();
  CHECK(run.refusal() == cannot + "it takes 3 to 5 inputs and gives 1 output");
}

namespace {

struct Conv {
  std::int64_t channels, maps, group, height, width;
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  DType x = DType::u8, w = DType::i8, out = DType::i32;
  bool zeros = true;
};

void check(const Conv& c) {
  const std::int64_t batch = 2, depth = c.channels / c.group, taps = c.kernel[0] * c.kernel[1];
  const auto size = [&](std::int64_t in, std::size_t axis) {
    return (in + c.pads[axis] + c.pads[axis + 2] - c.dilations[axis] * (c.kernel[axis] - 1) - 1) / c.strides[axis] + 1;
  };
  const std::int64_t height = size(c.height, 0), width = size(c.width, 1);
  CAPTURE(c.channels);
  CAPTURE(c.maps);
  CAPTURE(c.group);
  const Tensor x = bytes(c.x, {batch, c.channels, c.height, c.width}, 1);
  const Tensor w = bytes(c.w, {c.maps, depth, c.kernel[0], c.kernel[1]}, 2);
  const Tensor x_zero = c.zeros ? bytes(c.x, {}, 3) : Tensor(), w_zero = c.zeros ? bytes(c.w, {c.maps}, 4) : Tensor();
  const Tensor bias = whole({c.maps}, 5);
  const PackedBytes packed =
      kernels::pack_conv_bytes(w.view(), c.group, c.zeros ? w_zero.view() : TensorView(), bias.view());
  KernelRun run{"integer_conv",
                {{"kernel_shape", c.kernel},
                 {"strides", c.strides},
                 {"dilations", c.dilations},
                 {"pads", c.pads},
                 {"group", c.group}},
                {x, packed.panels, packed.columns, x_zero},
                {{batch, c.maps, height, width}}};
  Tensor factors = random({c.maps}, 6);
  for (float& factor : factors.mutable_view().as<float>()) factor *= 1e-2f;
  run.type = c.out;
  if (c.out != DType::i32) {
    run.inputs.push_back(factors);
    run.attributes.set("zero", std::int64_t{-3 + (c.out == DType::u8 ? 100 : 0)});
  }
  std::vector<std::int64_t> want;
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t m = 0; m < c.maps; ++m) {
      for (std::int64_t oy = 0; oy < height; ++oy) {
        for (std::int64_t ox = 0; ox < width; ++ox) {
          std::int64_t sum = bias.as<std::int32_t>()[static_cast<std::size_t>(m)];
          for (std::int64_t i = 0; i < depth * taps; ++i) {
            const std::int64_t y = oy * c.strides[0] - c.pads[0] + i % taps / c.kernel[1] * c.dilations[0];
            const std::int64_t at = ox * c.strides[1] - c.pads[1] + i % c.kernel[1] * c.dilations[1];
            if (y < 0 || y >= c.height || at < 0 || at >= c.width) continue;
            const std::int64_t channel = m / (c.maps / c.group) * depth + i / taps;
            sum += (value(x, ((n * c.channels + channel) * c.height + y) * c.width + at) - zero(x_zero, 0)) *
                   (value(w, m * depth * taps + i) - zero(w_zero, m));
          }
          const float factor = factors.as<float>()[static_cast<std::size_t>(m)];
          want.push_back(c.out == DType::i32 ? sum : quantized(sum, factor, c.out == DType::u8 ? 97 : -3, c.out));
        }
      }
    }
  }
  for (kernels::Cpu cpu : byte_cpus()) {
    CAPTURE(name(cpu.isa));
    CAPTURE(cpu.vnni);
    const Tensor got = run.run_alone(cpu);
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const std::int64_t each =
          c.out == DType::i32 ? got.as<std::int32_t>()[i] : value(got, static_cast<std::int64_t>(i));
      wrong += each != want[i];
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("integer convolution is exact with strides, dilations, padding and groups") {
  check(Conv{3, 5, 1, 7, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  check(Conv{3, 20, 1, 8, 7, {2, 3}, {2, 1}, {1, 2}, {0, 2, 1, 0}, DType::i8, DType::u8});
  check(Conv{6, 9, 3, 6, 6, {3, 2}, {1, 2}, {2, 1}, {2, 0, 1, 1}, DType::u8, DType::u8, DType::u8});
  check(Conv{4, 4, 4, 5, 6, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, DType::i8, DType::i8, DType::i8});
  check(Conv{33, 17, 1, 9, 11, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, DType::u8, DType::i8, DType::u8, false});
  check(Conv{33, 17, 1, 9, 11, {1, 1}, {2, 3}, {1, 1}, {1, 0, 0, 2}});
}

TEST_CASE("integer convolution over one axis is one over images of height 1") {
  const Tensor x = bytes(DType::u8, {1, 3, 10}, 1), w = bytes(DType::i8, {4, 3, 3}, 2);
  const PackedBytes line = kernels::pack_conv_bytes(w.view(), 1, {}, {});
  const PackedBytes image = kernels::pack_conv_bytes(w.reshaped({4, 3, 1, 3}).view(), 1, {}, {});
  KernelRun one{
      "integer_conv", {{"kernel_shape", std::vector<std::int64_t>{3}}}, {x, line.panels, line.columns}, {{1, 4, 8}}};
  KernelRun two{"integer_conv",
                {{"kernel_shape", std::vector<std::int64_t>{1, 3}}},
                {x.reshaped({1, 3, 1, 10}), image.panels, image.columns},
                {{1, 4, 1, 8}}};
  one.type = two.type = DType::i32;
  for (kernels::Cpu cpu : byte_cpus()) CHECK(same(one.run_alone(cpu), two.run_alone(cpu).reshaped({1, 4, 8})));
}
