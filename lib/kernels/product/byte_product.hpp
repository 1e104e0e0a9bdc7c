// Products of 8-bit integers with constant weights: what the matrix product and the convolution of bytes share. Exact:
// sums are those of integers, in 32 bits that wrap, the same on every CPU and at any number of threads.
#pragma once

#include "kernels/bind/operands.hpp"
#include "kernels/isa/bytes.hpp"

namespace modelctl::kernels {

// The weights as a kernel takes them. `panels` is i8, as isa/bytes.hpp describes; `columns` is i32 [3, N]: the zero
// points, which are less 128 if the weights were u8, the sums of the packed columns, and the bias or zeros.
struct PackedBytes {
  Tensor panels, columns;
};
// B has N columns of K values: of column n and index k at n * n_step + k * k_step. `zeros` is of B's type, one element
// or N; `bias` is i32 [N] or absent.
PackedBytes pack_bytes(const TensorView& b, std::int64_t k, std::int64_t n, std::int64_t k_step, std::int64_t n_step,
                       const TensorView& zeros, const TensorView& bias);

// The longest sums that a kernel takes.
inline constexpr std::int64_t longest_byte_sum = 16384;

inline std::int64_t byte_quads(std::int64_t k) { return ceil_div(k, 4); }
inline std::int64_t byte_panels_size(std::int64_t k, std::int64_t n) {
  return ceil_div(n, byte_columns) * byte_quads(k) * 4 * byte_columns;
}

// What a run multiplies, and where it goes.
struct ByteProduct {
  const std::int8_t* panels;
  const std::int32_t* columns;  // three rows, column_step apart
  std::int64_t column_step;
  std::int64_t k, n;
  std::uint8_t flip;               // 0x80 if A is i8
  std::int32_t zero;               // A's zero point, ^ flip
  const float* factors = nullptr;  // [n], if the output is of bytes
  float low = 0, high = 0;
  std::int32_t shift = 0;
};

// Rows of at most longest_byte_sum bytes, prepared a few at a time on the stack.
class ByteRows {
 public:
  ByteRows(const ByteSimd& simd, std::int64_t k);
  // How many rows of K bytes fit.
  static std::int64_t capacity(const ByteSimd& simd, std::int64_t k);
  void add(const ByteProduct& product, const std::uint8_t* row);
  // The rows times the panels [first, end); column `first * 16` of the first row goes to `out`.
  void multiply(const ByteProduct& product, std::int64_t first, std::int64_t end, void* out, std::int64_t row_step,
                std::int64_t column_step) const;

 private:
  static constexpr std::int64_t most = 48;
  static constexpr std::int64_t buffer_bytes = 1 << 16;
  const ByteSimd& simd_;
  std::int64_t row_bytes_, count_ = 0;
  std::int32_t sums_[most];
  alignas(64) std::byte rows_[buffer_bytes];
};

// Checks the operands that both kernels have: A, the panels and columns of `groups` products of K by N, A's zero point,
// factors, and the output's type.
Result<ByteProduct> read_byte_product(const Operands& operands, const BindCall& call, std::int64_t k, std::int64_t n,
                                      std::int64_t groups);
// The same with what is known at run time only.
ByteProduct at_run(ByteProduct product, const RunCall& call);

}  // namespace modelctl::kernels
