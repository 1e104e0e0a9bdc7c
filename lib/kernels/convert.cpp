// Conversion between f32 and the 16-bit floating-point types, in tiles of a fixed number of elements.
#include "kernels/convert.hpp"

#include "kernels/bind/operands.hpp"

#include <algorithm>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t block = 1 << 14;  // elements of a tile

class Convert final : public Bound {
 public:
  Convert(const Simd& simd, ShortFloat format, bool widens, std::int64_t size)
      : simd_(simd), format_(format), widens_(widens), size_(size) {}

  void run(const RunCall& call) const override {
    call.workers.for_each_tile(ceil_div(size_, block), [&](std::int64_t index) {
      const std::int64_t at = index * block, n = std::min(block, size_ - at);
      if (widens_) {
        simd_.widen(format_, static_cast<const std::uint16_t*>(call.inputs[0]) + at,
                    static_cast<float*>(call.outputs[0]) + at, n);
      } else {
        simd_.narrow(format_, static_cast<const float*>(call.inputs[0]) + at,
                     static_cast<std::uint16_t*>(call.outputs[0]) + at, n);
      }
    });
  }

 private:
  const Simd& simd_;
  ShortFloat format_;
  bool widens_;
  std::int64_t size_;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("convert", call);
  if (call.inputs.size() != 1 || call.outputs.size() != 1) return operands.refuse("it has one input and one output");
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  const bool widens = y.type == DType::f32;
  const DType narrow = widens ? x.type : y.type;
  if (narrow != DType::f16 && narrow != DType::bf16) {
    return operands.refuse("it converts f16 or bf16 to f32, or f32 to one of them");
  }
  TRY(operands.operand("X", x, widens ? narrow : DType::f32));
  TRY(operands.operand("Y", y, y.type));
  TRY(operands.dims("Y", y, x.dims));
  const ShortFloat format = narrow == DType::f16 ? ShortFloat::f16 : ShortFloat::bf16;
  return std::make_unique<Convert>(simd(call.cpu.isa), format, widens, y.elements());
}

constexpr KernelDef table[] = {{"convert", bind}};

}  // namespace

std::span<const KernelDef> convert_kernels() { return table; }

}  // namespace modelctl::kernels
