// kernel:gemm_f32 — Y = activation(A x B + bias + residual), B constant and packed.
//
//   inputs      A f32 [..., K]; B as pack_gemm_weights() makes it; bias f32 [N], optional; residual as Y, optional
//   outputs     Y f32 [..., N]: the leading dimensions of A
//   attributes  activation, alpha, beta (operands.hpp)
//
// The leading dimensions fold into M rows, read in place. A few rows take the matrix-vector way: several panels at
// once, each weight read once.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

// B is f32 [K,N], or [N,K] if `transposed`; each value is multiplied by `factor` (Gemm's alpha).
Tensor pack_gemm_weights(const TensorView& b, bool transposed, float factor = 1.0f);

}  // namespace modelctl::kernels
