// The product of a matrix in memory and one in packed panels, cut into tiles whose boundaries depend on shapes and CPU
// alone: what GEMM, batched MatMul and 1x1 convolution share. The sum over K is never cut.
//
// Three levels, after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), simpler
// because weights are packed before the run and K is not cut:
//
//   tile   rows x (panels * 16) sums in registers (isa/tile.hpp). A step along K loads the panels' vectors, broadcasts
//          one value per row, and does rows * vectors multiply-adds. More rows mean fewer loads per multiply-add; the
//          register file is the limit: 14 x 2 of 32 registers with AVX-512, 6 x 2 of 16 with AVX2.
//   panel  16 columns of B as [K][16], zero-padded: the loop over K reads it with stride 1, one cache line of f32 a
//   step,
//          whatever B's layout was. 16 is one AVX-512 vector, two of AVX2 and four of the portable code, so that one
//          packed artifact serves them all.
//   block  the unit that a thread takes: so many rows of A as stay in the second-level cache while the panels stream
//          by, times so many panels as make some 2 million multiply-adds. Its boundaries follow from the shapes and the
//          CPU, never from the number of threads.
//
// A matrix-vector product reads each weight once and is limited by memory bandwidth: few rows take several panels at
// once ("flat"), which keeps more loads in flight.
//
// Since K is never cut, every element is one chain of fused multiply-adds in the order of K. The price is that long
// rows of A take more cache than a cut would; the gain is that results do not depend on the block sizes.
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
