// The matrix product of 8-bit integers: rows are prepared a few at a time and multiplied by the packed panels.
#include "kernels/integer_gemm.hpp"

#include <algorithm>

namespace modelctl::kernels {
namespace {

// Multiply-adds of a tile, some ten microseconds of them.
constexpr std::int64_t tile_work = 1 << 20;

class IntegerGemm final : public Bound {
 public:
  IntegerGemm(const ByteSimd& simd, ByteProduct product, std::int64_t m) : simd_(simd), product_(product), m_(m) {
    const std::int64_t k = std::max<std::int64_t>(product.k, 1);
    rows_ = std::min(ByteRows::capacity(simd, k), m);
    const std::int64_t panels = ceil_div(product.n, byte_columns);
    // At least 1, also of no columns.
    panels_ =
        std::max<std::int64_t>(std::min(tile_work / (std::max<std::int64_t>(rows_, 1) * k * byte_columns), panels), 1);
    row_blocks_ = rows_ == 0 ? 0 : ceil_div(m, rows_);
    panel_blocks_ = ceil_div(panels, panels_);
  }

  void run(const RunCall& call) const override {
    const ByteProduct product = at_run(product_, call);
    const std::size_t element = product.factors == nullptr ? sizeof(std::int32_t) : 1;
    const auto* a = static_cast<const std::uint8_t*>(call.inputs[0]);
    const std::int64_t all = ceil_div(product.n, byte_columns);
    call.workers.for_each_tile(row_blocks_ * panel_blocks_, [&](std::int64_t index) {
      const std::int64_t begin = index % row_blocks_ * rows_, end = std::min(begin + rows_, m_);
      const std::int64_t first = index / row_blocks_ * panels_;
      ByteRows rows(simd_, product.k);
      for (std::int64_t row = begin; row < end; ++row) rows.add(product, a + row * product.k);
      void* out = static_cast<std::byte*>(call.outputs[0]) +
                  static_cast<std::size_t>(begin * product.n + first * byte_columns) * element;
      rows.multiply(product, first, std::min(first + panels_, all), out, product.n, 1);
    });
  }

 private:
  const ByteSimd& simd_;
  ByteProduct product_;
  std::int64_t m_, rows_, panels_, row_blocks_, panel_blocks_;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("integer_gemm", call);
  if (call.inputs.size() < 3 || call.inputs.size() > 5 || call.outputs.size() != 1) {
    return operands.refuse("it takes 3 to 5 inputs and gives 1 output");
  }
  const TensorView &a = call.inputs[0], &y = call.outputs[0];
  if (a.rank() == 0 || y.rank() != a.rank()) return operands.refuse("A and Y differ in rank");
  const std::int64_t k = a.dims.back(), n = y.dims.back();
  if (k > longest_byte_sum) return operands.refuse("K is " + std::to_string(k));
  Dims expected(a.dims.begin(), a.dims.end());
  expected.back() = n;
  ByteProduct product = TRY(read_byte_product(operands, call, k, n, 1));
  TRY(operands.dims("Y", y, expected));
  const std::int64_t m = n == 0 ? 0 : y.elements() / n;
  return std::make_unique<IntegerGemm>(byte_simd(call.cpu), product, m);
}

constexpr KernelDef table[] = {{"integer_gemm", bind}};

}  // namespace

std::span<const KernelDef> integer_gemm_kernels() { return table; }

}  // namespace modelctl::kernels
