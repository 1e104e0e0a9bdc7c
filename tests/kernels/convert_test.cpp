// Conversions between f32 and the 16-bit floating-point types, against the conversions of tensor/half.hpp.
#include "run_kernel.hpp"
#include "tensor/half.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

bool is_nan(std::uint16_t bits, DType type) { return (bits & 0x7fff) > (type == DType::f16 ? 0x7c00 : 0x7f80); }
float widened(std::uint16_t bits, DType type) {
  Half half;
  BFloat16 other;
  half.bits = other.bits = bits;
  return type == DType::f16 ? static_cast<float>(half) : static_cast<float>(other);
}

}  // namespace

TEST_CASE("every 16-bit number is itself in f32, and comes back") {
  for (DType type : {DType::f16, DType::bf16}) {
    Tensor all(type, {65536});
    auto* bits = static_cast<std::uint16_t*>(all.mutable_view().data);
    for (std::size_t i = 0; i < 65536; ++i) bits[i] = static_cast<std::uint16_t>(i);
    for (kernels::Cpu cpu : cpus()) {
      CAPTURE(name(cpu.isa));
      const Tensor wide = KernelRun{"convert", {}, {all}, {{65536}}, DType::f32}.run_alone(cpu);
      const Tensor back = KernelRun{"convert", {}, {wide}, {{65536}}, type}.run_alone(cpu);
      const auto* returned = static_cast<const std::uint16_t*>(back.view().data);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < 65536; ++i) {
        const float expected = widened(bits[i], type), got = wide.as<float>()[i];
        if (is_nan(bits[i], type)) wrong += !std::isnan(got) || !is_nan(returned[i], type);
        else wrong += std::memcmp(&expected, &got, 4) != 0 || returned[i] != bits[i];
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("f32 rounds to the nearest 16-bit number, to the even one of two, and overflows to infinity") {
  for (std::int64_t n : {1, 3, 17, 4099}) {
    // Random bits: subnormal numbers, infinities and NaN among them; and numbers around the halves' range.
    Tensor x(DType::f32, {n});
    std::mt19937 engine(static_cast<unsigned>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      auto bits = static_cast<std::uint32_t>(engine());
      if (i % 3 == 1) bits = (bits & 0x8fffffff) | 0x30000000;                  // 2^-31 to 2
      if (i % 3 == 2) bits = (bits & 0x87ffe000) | 0x40000000 | (i % 2) << 12;  // exactly between two f16
      std::memcpy(x.mutable_view().as<float>().data() + i, &bits, 4);
    }
    for (DType type : {DType::f16, DType::bf16}) {
      for (kernels::Cpu cpu : cpus()) {
        CAPTURE(name(cpu.isa));
        const Tensor y = KernelRun{"convert", {}, {x}, {{n}}, type}.run_alone(cpu);
        const auto* got = static_cast<const std::uint16_t*>(y.view().data);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
          const float value = x.as<float>()[i];
          const std::uint16_t expected = type == DType::f16 ? Half(value).bits : BFloat16(value).bits;
          if (std::isnan(value)) wrong += !is_nan(got[i], type);
          else wrong += got[i] != expected;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("operands that do not fit are refused when a conversion is bound") {
  const auto refusal = [](DType from, DType to, Dims y) {
    return KernelRun{"convert", {}, {Tensor(from, {2, 3})}, {std::move(y)}, to}.refusal();
  };
  CHECK(refusal(DType::f16, DType::bf16, {2, 3}) == "cannot bind kernel 'convert': X is f16, not f32");
  CHECK(refusal(DType::f64, DType::f32, {2, 3}) ==
        "cannot bind kernel 'convert': it converts f16 or bf16 to f32, or f32 to one of them");
  CHECK(refusal(DType::f16, DType::f32, {3, 2}) ==
        "cannot bind kernel 'convert': Y has the dimensions [3,2], not [2,3]");
}
