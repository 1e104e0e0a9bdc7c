// Quantization and dequantization: rounding, saturation, special values.
#include "kernels/quantize.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

std::vector<kernels::Cpu> byte_cpus() {
  std::vector<kernels::Cpu> all = cpus();
  if (kernels::Cpu::detect().vnni) all.push_back(kernels::Cpu::detect());
  return all;
}

Tensor wide(std::int64_t n) {
  Tensor x = random({n}, 1);
  auto values = x.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % 5 == 0 ? std::floor(values[i] * 9) + 0.5f : values[i] * 200;
  return x;
}

template <class T>
void check_quantize(DType type, std::int64_t zero) {
  for (std::int64_t n : {1, 15, 16, 17, 100, 40000}) {
    Tensor x = wide(n);
    if (n > 4) {
      x.mutable_view().as<float>()[1] = std::numeric_limits<float>::quiet_NaN();
      x.mutable_view().as<float>()[2] = -std::numeric_limits<float>::infinity();
      x.mutable_view().as<float>()[3] = 1e30f;
    }
    for (float scale : {1.0f, 0.37f, -2.0f}) {
      KernelRun run{"quantize_f32",
                    {},
                    {x, Tensor::scalar(DType::f32, scale), Tensor::scalar(type, static_cast<T>(zero))},
                    {{n}}};
      run.type = type;
      for (kernels::Cpu cpu : byte_cpus()) {
        CAPTURE(name(cpu.isa));
        const Tensor y = run.run_alone(cpu);
        std::int64_t wrong = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
          const float steps = x.as<float>()[i] / scale;
          double want = std::isnan(steps) ? 0.0 : std::nearbyint(double{steps});
          want = std::min(std::max(want + static_cast<double>(zero), double{std::numeric_limits<T>::min()}),
                          double{std::numeric_limits<T>::max()});
          wrong += static_cast<double>(y.as<T>()[i]) != want;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

}  // namespace

TEST_CASE("quantizing rounds to even and keeps within the type, NaN and infinities too") {
  check_quantize<std::uint8_t>(DType::u8, 128);
  check_quantize<std::uint8_t>(DType::u8, 3);
  check_quantize<std::int8_t>(DType::i8, -7);
}

TEST_CASE("dequantizing gives each byte its number") {
  for (DType type : {DType::u8, DType::i8}) {
    Tensor x(type, {256});
    for (std::size_t i = 0; i < 256; ++i) x.mutable_view().as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
    const Tensor zero = Tensor::scalar(type, std::uint8_t{250});
    for (const Tensor& shift : {zero, Tensor()}) {
      const KernelRun run{"dequantize_f32", {}, {x, Tensor::scalar(DType::f32, 0.3f), shift}, {{256}}};
      for (kernels::Cpu cpu : byte_cpus()) {
        const Tensor y = run.run_alone(cpu);
        for (std::size_t i = 0; i < 256; ++i) {
          const int byte = type == DType::u8 ? static_cast<int>(i) : static_cast<std::int8_t>(i);
          const int less = !shift.present() ? 0 : type == DType::u8 ? 250 : -6;
          REQUIRE(y.as<float>()[i] == static_cast<float>(byte - less) * 0.3f);
        }
      }
    }
  }
}

TEST_CASE("dynamic quantization spans the numbers and zero") {
  for (std::int64_t n : {1, 7, 33, 50000}) {
    const Tensor x = wide(n);
    float low = 0, high = 0;
    for (float value : x.as<float>()) low = std::min(low, value), high = std::max(high, value);
    const float scale = high == low ? 1.0f : (high - low) / 255.0f;
    const double zero = std::nearbyint(double{-low / scale});
    const KernelRun run{"dynamic_quantize_f32", {}, {x}, {{n}}, DType::u8};
    for (kernels::Cpu cpu : byte_cpus()) {
      const Tensor y = run.run_alone(cpu);
      std::int64_t wrong = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        const double want = std::min(std::max(std::nearbyint(double{x.as<float>()[i] / scale}) + zero, 0.0), 255.0);
        wrong += y.as<std::uint8_t>()[i] != want;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("quantizing refuses operands that do not fit") {
  const std::string cannot = "cannot bind kernel 'quantize_f32': ";
  const Tensor x = random({3}, 1), scale = Tensor::scalar(DType::f32, 1.0f);
  KernelRun run{"quantize_f32", {}, {x, scale}, {{3}}, DType::i32};
  CHECK(run.refusal() == cannot + "neither X nor Y is of bytes");
  run.type = DType::u8;
  run.inputs[1] = x;
  CHECK(run.refusal() == cannot + "the scale or the zero point has more than one element");
  run.inputs[1] = scale;
  run.outputs = {{4}};
  CHECK(run.refusal() == cannot + "Y has the dimensions [4], not [3]");
  run.inputs.pop_back();
  CHECK(run.refusal() == cannot + "it takes 2 or 3 inputs and gives 1 output");
}
