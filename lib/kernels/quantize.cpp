// Quantization with one scale. The dynamic kind takes two passes: the range of all elements first.
#include "kernels/quantize.hpp"

#include "kernels/bind/operands.hpp"
#include "kernels/isa/bytes.hpp"

#include <algorithm>

namespace modelctl::kernels {
namespace {

// Elements of a tile: a few microseconds.
constexpr std::int64_t stretch = 1 << 14;

template <class Body>
void for_each_stretch(Workers& workers, std::int64_t count, Body&& body) {
  workers.for_each_tile(ceil_div(count, stretch), [&](std::int64_t tile) {
    body(tile, tile * stretch, std::min(stretch, count - tile * stretch));
  });
}

// The byte of a zero point that may be absent, as a number.
std::int32_t zero_of(const RunCall& call, std::size_t index, std::uint8_t flip) {
  if (index >= call.inputs.size() || call.inputs[index] == nullptr) return 0;
  const std::uint8_t byte = *static_cast<const std::uint8_t*>(call.inputs[index]);
  return flip == 0 ? byte : static_cast<std::int8_t>(byte);
}

class Quantize final : public Bound {
 public:
  Quantize(const ByteSimd& simd, std::int64_t count, std::uint8_t flip) : simd_(simd), count_(count), flip_(flip) {}
  void run(const RunCall& call) const override {
    const float scale = *static_cast<const float*>(call.inputs[1]);
    const std::int32_t zero = zero_of(call, 2, flip_);
    for_each_stretch(call.workers, count_, [&](std::int64_t, std::int64_t at, std::int64_t n) {
      simd_.quantize(static_cast<const float*>(call.inputs[0]) + at, n, scale, zero, flip_ != 0,
                     static_cast<std::uint8_t*>(call.outputs[0]) + at);
    });
  }

 private:
  const ByteSimd& simd_;
  std::int64_t count_;
  std::uint8_t flip_;
};

class Dequantize final : public Bound {
 public:
  Dequantize(const ByteSimd& simd, std::int64_t count, std::uint8_t flip) : simd_(simd), count_(count), flip_(flip) {}
  void run(const RunCall& call) const override {
    const float scale = *static_cast<const float*>(call.inputs[1]);
    const std::int32_t zero = zero_of(call, 2, flip_) + (flip_ == 0 ? 0 : 128);
    for_each_stretch(call.workers, count_, [&](std::int64_t, std::int64_t at, std::int64_t n) {
      simd_.dequantize(static_cast<const std::uint8_t*>(call.inputs[0]) + at, n, flip_, zero, scale,
                       static_cast<float*>(call.outputs[0]) + at);
    });
  }

 private:
  const ByteSimd& simd_;
  std::int64_t count_;
  std::uint8_t flip_;
};

class DynamicQuantize final : public Bound {
 public:
  DynamicQuantize(const ByteSimd& simd, std::int64_t count) : simd_(simd), count_(count) {}
  // The least and the greatest element of each tile.
  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(ceil_div(count_, stretch)) * 2 * sizeof(float);
  }
  void run(const RunCall& call) const override {
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* ranges = reinterpret_cast<float*>(call.scratch);
    for_each_stretch(call.workers, count_, [&](std::int64_t tile, std::int64_t at, std::int64_t n) {
      simd_.range(x + at, n, ranges[2 * tile], ranges[2 * tile + 1]);
    });
    float low = 0, high = 0;
    for (std::int64_t tile = 0; tile < ceil_div(count_, stretch); ++tile) {
      low = std::min(low, ranges[2 * tile]);
      high = std::max(high, ranges[2 * tile + 1]);
    }
    const float range = high - low, scale = range == 0 ? 1.0f : range / 255.0f, least = -low;
    std::uint8_t zero = 0;
    simd_.quantize(&least, 1, scale, 0, false, &zero);
    for_each_stretch(call.workers, count_, [&](std::int64_t, std::int64_t at, std::int64_t n) {
      simd_.quantize(x + at, n, scale, zero, false, static_cast<std::uint8_t*>(call.outputs[0]) + at);
    });
    if (call.outputs.size() > 1 && call.outputs[1] != nullptr) *static_cast<float*>(call.outputs[1]) = scale;
    if (call.outputs.size() > 2 && call.outputs[2] != nullptr) *static_cast<std::uint8_t*>(call.outputs[2]) = zero;
  }

 private:
  const ByteSimd& simd_;
  std::int64_t count_;
};

// X and Y of one size, a scale and perhaps a zero point of one element; returns how bytes are read.
Result<std::uint8_t> read(const Operands& operands, const BindCall& call, const TensorView& floats,
                          const TensorView& bytes) {
  if (call.inputs.size() < 2 || call.inputs.size() > 3 || call.outputs.size() != 1) {
    return operands.refuse("it takes 2 or 3 inputs and gives 1 output");
  }
  if (bytes.type != DType::u8 && bytes.type != DType::i8) return operands.refuse("neither X nor Y is of bytes");
  TRY(operands.operand("X or Y", floats, DType::f32));
  TRY(operands.operand("X or Y", bytes, bytes.type));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  TRY(operands.operand("the scale", call.inputs[1], DType::f32));
  if (operands.has(2)) TRY(operands.operand("the zero point", call.inputs[2], bytes.type));
  if (call.inputs[1].elements() != 1 || (operands.has(2) && call.inputs[2].elements() != 1)) {
    return operands.refuse("the scale or the zero point has more than one element");
  }
  return bytes.type == DType::i8 ? std::uint8_t{0x80} : std::uint8_t{0};
}

Result<std::unique_ptr<Bound>> bind_quantize(const BindCall& call) {
  const Operands operands("quantize_f32", call);
  const std::uint8_t flip = TRY(read(operands, call, call.inputs[0], call.outputs[0]));
  return std::make_unique<Quantize>(byte_simd(call.cpu), call.inputs[0].elements(), flip);
}

Result<std::unique_ptr<Bound>> bind_dequantize(const BindCall& call) {
  const Operands operands("dequantize_f32", call);
  const std::uint8_t flip = TRY(read(operands, call, call.outputs[0], call.inputs[0]));
  return std::make_unique<Dequantize>(byte_simd(call.cpu), call.inputs[0].elements(), flip);
}

Result<std::unique_ptr<Bound>> bind_dynamic(const BindCall& call) {
  const Operands operands("dynamic_quantize_f32", call);
  if (call.inputs.size() != 1 || call.outputs.empty() || call.outputs.size() > 3) {
    return operands.refuse("it takes 1 input and gives up to 3 outputs");
  }
  TRY(operands.operand("X", call.inputs[0], DType::f32));
  TRY(operands.operand("Y", call.outputs[0], DType::u8));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  for (std::size_t i = 1; i < call.outputs.size(); ++i) {
    if (!call.outputs[i].present()) continue;
    TRY(operands.operand(i == 1 ? "the scale" : "the zero point", call.outputs[i], i == 1 ? DType::f32 : DType::u8));
    if (call.outputs[i].elements() != 1)
      return operands.refuse("the scale or the zero point has more than one element");
  }
  return std::make_unique<DynamicQuantize>(byte_simd(call.cpu), call.inputs[0].elements());
}

constexpr KernelDef table[] = {
    {"dequantize_f32", bind_dequantize},
    {"dynamic_quantize_f32", bind_dynamic},
    {"quantize_f32", bind_quantize},
};

}  // namespace

std::span<const KernelDef> quantize_kernels() { return table; }

}  // namespace modelctl::kernels
