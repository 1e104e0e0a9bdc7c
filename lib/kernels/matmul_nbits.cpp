// A product with weights of 4 or 8 bits. Few rows read the packed weights as they are, since memory bandwidth limits
// them; many rows unpack a panel to f32 first and run the tiles of the f32 product.
#include "kernels/matmul_nbits.hpp"

#include "kernels/bind/operands.hpp"
#include "kernels/isa/bytes.hpp"
#include "tensor/small.hpp"

#include <algorithm>

namespace modelctl::kernels {
namespace {

class MatMulBits final : public Bound {
 public:
  MatMulBits(const ByteSimd& simd, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t block, int bits)
      : simd_(simd), m_(m), n_(n), k_(k), block_(block), bits_(bits) {}

  // A tile is one panel of columns: its weights are read once for each few rows.
  void run(const RunCall& call) const override {
    const auto input = [&](std::size_t i) { return i < call.inputs.size() ? call.inputs[i] : nullptr; };
    const auto* bias = static_cast<const float*>(input(4));
    const std::int64_t blocks = ceil_div(k_, block_);
    call.workers.for_each_tile(ceil_div(n_, byte_columns), [&](std::int64_t panel) {
      float tile[FewBits::row_limit * byte_columns];
      FewBits product{};
      product.row_step = k_;
      product.panel = static_cast<const std::uint8_t*>(input(1)) + panel * k_ * 2 * bits_;
      product.bits = bits_;
      product.k = k_;
      product.block = block_;
      product.scales = static_cast<const float*>(input(2)) + panel * blocks * byte_columns;
      product.zeros = static_cast<const float*>(input(3)) + panel * blocks * byte_columns;
      product.out = tile;
      const std::int64_t first = panel * byte_columns, columns = std::min(byte_columns, n_ - first);
      for (std::int64_t row = 0; row < m_; row += product.count) {
        product.rows = static_cast<const float*>(input(0)) + row * k_;
        product.count = static_cast<int>(std::min<std::int64_t>(FewBits::row_limit, m_ - row));
        simd_.few_bits(product);
        for (std::int64_t r = 0; r < product.count; ++r) {
          float* out = static_cast<float*>(call.outputs[0]) + (row + r) * n_ + first;
          for (std::int64_t c = 0; c < columns; ++c) {
            out[c] = tile[r * byte_columns + c] + (bias == nullptr ? 0.0f : bias[first + c]);
          }
        }
      }
    });
  }

 private:
  const ByteSimd& simd_;
  std::int64_t m_, n_, k_, block_;
  int bits_;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("matmul_nbits_f32", call);
  if (call.inputs.size() < 4 || call.inputs.size() > 5 || call.outputs.size() != 1) {
    return operands.refuse("it takes 4 or 5 inputs and gives 1 output");
  }
  const TensorView &a = call.inputs[0], &y = call.outputs[0];
  TRY(operands.operand("A", a, DType::f32));
  TRY(operands.operand("Y", y, DType::f32));
  if (a.rank() == 0 || y.rank() != a.rank()) return operands.refuse("A and Y differ in rank");
  const std::int64_t k = a.dims.back(), n = y.dims.back();
  Dims expected(a.dims.begin(), a.dims.end());
  expected.back() = n;
  TRY(operands.dims("Y", y, expected));
  const std::int64_t bits = TRY(operands.integer("bits", 4)), block = TRY(operands.integer("block", 0));
  if (bits != 4 && bits != 8) return operands.refuse("attribute 'bits' is " + std::to_string(bits));
  if (block < 1 || block > largest_size) return operands.refuse("attribute 'block' is " + std::to_string(block));
  const std::int64_t panels = ceil_div(n, byte_columns), blocks = ceil_div(k, block);
  TRY(operands.operand("the panels", call.inputs[1], DType::u8));
  TRY(operands.dims("the panels", call.inputs[1], {panels * k * 2 * bits}));
  for (std::size_t i : {2, 3}) {
    TRY(operands.operand("the scales or zero points", call.inputs[i], DType::f32));
    TRY(operands.dims("the scales or zero points", call.inputs[i], {panels * blocks * byte_columns}));
  }
  if (operands.has(4)) {
    TRY(operands.operand("the bias", call.inputs[4], DType::f32));
    TRY(operands.dims("the bias", call.inputs[4], {n}));
  }
  const std::int64_t m = n == 0 ? 0 : y.elements() / n;
  return std::make_unique<MatMulBits>(byte_simd(call.cpu), m, n, k, block, static_cast<int>(bits));
}

constexpr KernelDef table[] = {{"matmul_nbits_f32", bind}};

}  // namespace

PackedBits pack_few_bits(const std::uint8_t* weights, int bits, std::int64_t n, std::int64_t k, std::int64_t block,
                         const std::vector<double>& scales, const std::vector<double>& zeros) {
  const std::int64_t panels = ceil_div(n, byte_columns), blocks = ceil_div(k, block), row = blocks * block * bits / 8;
  PackedBits packed{Tensor(DType::u8, {panels * k * 2 * bits}), Tensor(DType::f32, {panels * blocks * byte_columns}),
                    Tensor(DType::f32, {panels * blocks * byte_columns})};
  auto* to = packed.panels.mutable_view().as<std::uint8_t>().data();
  for (std::int64_t column = 0; column < n; ++column) {
    const std::int64_t panel = column / byte_columns, lane = column % byte_columns;
    for (std::int64_t i = 0; i < k; ++i) {
      std::uint8_t* step = to + (panel * k + i) * 2 * bits;
      const std::uint8_t value = modelctl::packed(weights + column * row, i, bits);
      if (bits == 8) step[lane] = value;
      else step[lane % 8] = static_cast<std::uint8_t>(step[lane % 8] | value << (lane < 8 ? 0 : 4));
    }
    for (std::int64_t i = 0; i < blocks; ++i) {
      const auto at = static_cast<std::size_t>((panel * blocks + i) * byte_columns + lane);
      const auto from = static_cast<std::size_t>(column * blocks + i);
      packed.scales.mutable_view().as<float>()[at] = static_cast<float>(scales[from]);
      packed.zeros.mutable_view().as<float>()[at] = static_cast<float>(zeros[from]);
    }
  }
  return packed;
}

std::span<const KernelDef> matmul_nbits_kernels() { return table; }

}  // namespace modelctl::kernels
