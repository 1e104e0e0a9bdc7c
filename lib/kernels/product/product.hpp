// The product of a matrix in memory and one in packed panels, cut into tiles whose boundaries depend on shapes and CPU
// alone: what GEMM, batched MatMul and 1x1 convolution share. The sum over K is never cut.
#pragma once

#include "kernels/bind/operands.hpp"

namespace modelctl::kernels {

// How a [M,K] x [K,N] product is cut.
struct Blocks {
  std::int64_t m = 0, k = 0, n = 0;
  std::int64_t rows = 1;    // per block of M
  std::int64_t panels = 1;  // per block of N
  std::int64_t m_blocks = 0;
  std::int64_t n_blocks = 0;
  std::int64_t count() const { return m_blocks * n_blocks; }
};
Blocks cut(const Simd& simd, std::int64_t m, std::int64_t k, std::int64_t n);

struct Product {
  const float* a;  // row i at a + i * a_step
  std::int64_t a_step;
  const float* panels;
  float* out;
  std::int64_t out_step;
  const float* bias = nullptr;
  const float* residual = nullptr;  // row i at residual + i * residual_step
  std::int64_t residual_step = 0;
};
// Block `index` of blocks.count().
void run_block(const Simd& simd, const Blocks& blocks, const Product& product, const Activation& activation,
               std::int64_t index);

// A kernel of inputs A, B, bias and residual and output Y: one product over the whole of them.
std::unique_ptr<Bound> bind_product(const Simd& simd, std::int64_t m, std::int64_t k, std::int64_t n,
                                    const Activation& activation);

// Floats of [K,N] packed into panels.
inline std::int64_t packed_size(std::int64_t k, std::int64_t n) {
  return ceil_div(n, panel_columns) * panel_columns * k;
}
// Packs panel `panel` of B, whose element (k, n) is at b[k * k_step + n * n_step], times `factor`.
void pack_panel(const float* b, std::int64_t k_step, std::int64_t n_step, std::int64_t k, std::int64_t n,
                std::int64_t panel, float factor, float* to);

}  // namespace modelctl::kernels
