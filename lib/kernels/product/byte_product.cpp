// Packs 8-bit weights and multiplies prepared rows by them. Zero points are handled by sums of rows and columns, so the
// inner loop multiplies raw bytes.
#include "kernels/product/byte_product.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kernels {
namespace {

std::uint8_t flip_of(DType type) { return type == DType::u8 ? 0x80 : 0; }

}  // namespace

const ByteSimd& byte_simd(const Cpu& cpu) {
  if (cpu.isa == Isa::avx512 && cpu.vnni) return byte_simd_vnni();
  return cpu.isa == Isa::portable ? byte_simd_portable() : byte_simd_avx2();
}

PackedBytes pack_bytes(const TensorView& b, std::int64_t k, std::int64_t n, std::int64_t k_step, std::int64_t n_step,
                       const TensorView& zeros, const TensorView& bias) {
  MODELCTL_CHECK(bits(b.type) == 8, "packed bytes are made of bytes");
  const auto* from = static_cast<const std::uint8_t*>(b.data);
  const std::uint8_t flip = flip_of(b.type);  // from 0 … 255 to -128 … 127
  const std::int64_t depth = byte_quads(k) * 4;
  PackedBytes packed{Tensor(DType::i8, {byte_panels_size(k, n)}), Tensor(DType::i32, {3, n})};
  auto* panels = packed.panels.mutable_view().as<std::int8_t>().data();
  auto* columns = packed.columns.mutable_view().as<std::int32_t>().data();
  for (std::int64_t column = 0; column < n; ++column) {
    std::int8_t* panel = panels + column / byte_columns * depth * byte_columns + column % byte_columns * 4;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      auto value = static_cast<std::int8_t>(from[column * n_step + i * k_step] ^ flip);
      panel[i / 4 * 4 * byte_columns + i % 4] = value;
      sum += value;
    }
    columns[n + column] = sum;
    if (zeros.present()) {
      auto at = static_cast<std::size_t>(zeros.elements() == 1 ? 0 : column);
      columns[column] = static_cast<std::int8_t>(static_cast<const std::uint8_t*>(zeros.data)[at] ^ flip);
    } else {
      columns[column] = flip == 0 ? 0 : -128;
    }
    if (bias.present()) columns[2 * n + column] = bias.as<std::int32_t>()[static_cast<std::size_t>(column)];
  }
  return packed;
}

ByteRows::ByteRows(const ByteSimd& simd, std::int64_t k)
    : simd_(simd), row_bytes_(byte_quads(k) * 4 * (simd.centered ? 2 : 1)) {}

std::int64_t ByteRows::capacity(const ByteSimd& simd, std::int64_t k) {
  const std::int64_t row_bytes = byte_quads(k) * 4 * (simd.centered ? 2 : 1);
  const std::int64_t fit = std::min(buffer_bytes / std::max<std::int64_t>(row_bytes, 1), most);
  return fit < simd.max_rows ? fit : fit / simd.max_rows * simd.max_rows;
}

void ByteRows::add(const ByteProduct& product, const std::uint8_t* row) {
  sums_[count_] = simd_.prepare(row, product.k, product.flip, product.zero, rows_ + count_ * row_bytes_);
  ++count_;
}

void ByteRows::multiply(const ByteProduct& product, std::int64_t first, std::int64_t end, void* out,
                        std::int64_t row_step, std::int64_t column_step) const {
  const std::int64_t quads = byte_quads(product.k), panel_bytes = quads * 4 * byte_columns;
  const std::size_t element = product.factors == nullptr ? sizeof(std::int32_t) : 1;
  std::int32_t sums[ByteSimd::row_limit * byte_columns];
  for (std::int64_t panel = first; panel < end; ++panel) {
    const std::int64_t column = panel * byte_columns;
    ByteFinish finish{};
    finish.sums = sums;
    finish.columns = std::min(byte_columns, product.n - column);
    finish.zeros = product.columns + column;
    finish.column_sums = finish.zeros + product.column_step;
    finish.bias = finish.column_sums + product.column_step;
    finish.zero = simd_.centered ? 0 : product.zero;
    finish.factors = product.factors == nullptr ? nullptr : product.factors + column;
    finish.low = product.low;
    finish.high = product.high;
    finish.shift = product.shift;
    finish.row_step = row_step;
    finish.column_step = column_step;
    for (std::int64_t row = 0; row < count_; row += finish.rows) {
      finish.rows = std::min<std::int64_t>(simd_.max_rows, count_ - row);
      finish.row_sums = sums_ + row;
      finish.out = static_cast<std::byte*>(out) +
                   static_cast<std::size_t>(row * row_step + (column - first * byte_columns) * column_step) * element;
      simd_.tile(rows_ + row * row_bytes_, row_bytes_, static_cast<int>(finish.rows),
                 product.panels + panel * panel_bytes, quads, sums);
      simd_.finish(finish);
    }
  }
}

Result<ByteProduct> read_byte_product(const Operands& operands, const BindCall& call, std::int64_t k, std::int64_t n,
                                      std::int64_t groups) {
  const auto byte = [](DType type) { return type == DType::u8 || type == DType::i8; };
  const TensorView &a = call.inputs[0], &y = call.outputs[0];
  if (!byte(a.type)) return operands.refuse("input 0 is " + std::string(name(a.type)) + ", not u8 or i8");
  TRY(operands.operand("input 0", a, a.type));
  TRY(operands.operand("the panels", call.inputs[1], DType::i8));
  TRY(operands.dims("the panels", call.inputs[1], {groups * byte_panels_size(k, n)}));
  TRY(operands.operand("the columns", call.inputs[2], DType::i32));
  TRY(operands.dims("the columns", call.inputs[2], {3, groups * n}));
  ByteProduct product{};
  product.k = k;
  product.n = n;
  product.column_step = groups * n;
  product.flip = a.type == DType::i8 ? 0x80 : 0;
  if (operands.has(3)) {
    TRY(operands.operand("the zero point", call.inputs[3], a.type));
    if (call.inputs[3].elements() != 1) return operands.refuse("the zero point has more than one element");
  }
  TRY(operands.operand("the output", y, operands.has(4) && byte(y.type) ? y.type : DType::i32));
  if (!operands.has(4)) return product;
  if (!byte(y.type)) return operands.refuse("factors are given, but the output is not of bytes");
  TRY(operands.operand("the factors", call.inputs[4], DType::f32));
  TRY(operands.dims("the factors", call.inputs[4], {groups * n}));
  const std::int64_t low = y.type == DType::u8 ? 0 : -128, high = low + 255;
  const std::int64_t zero = TRY(operands.integer("zero", 0));
  if (zero < low || zero > high) return operands.refuse("attribute 'zero' is " + std::to_string(zero));
  product.low = static_cast<float>(low - zero);
  product.high = static_cast<float>(high - zero);
  product.shift = static_cast<std::int32_t>(zero);
  return product;
}

ByteProduct at_run(ByteProduct product, const RunCall& call) {
  const auto input = [&](std::size_t i) { return i < call.inputs.size() ? call.inputs[i] : nullptr; };
  product.panels = static_cast<const std::int8_t*>(input(1));
  product.columns = static_cast<const std::int32_t*>(input(2));
  const auto* zero = static_cast<const std::uint8_t*>(input(3));
  product.zero = (zero == nullptr ? 0 : *zero) ^ product.flip;
  product.factors = static_cast<const float*>(input(4));
  return product;
}

}  // namespace modelctl::kernels
