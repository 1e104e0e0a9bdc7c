// kernel:matmul_nbits_f32 — Y = A x B + bias, where B is of 4 or 8 bits in blocks along K that have a scale and a zero
// point for each column. The weights are read as they are packed: nothing is written out as floats.
//
//   inputs      A f32 [..., K]; the panels, scales and zero points of pack_few_bits(); bias f32 [N], optional
//   outputs     Y f32 [..., N]
//   attributes  bits (4 or 8), block (the size of a block)
#pragma once

#include "tensor/tensor.hpp"

#include <vector>

namespace modelctl::kernels {

struct PackedBits {
  Tensor panels;         // u8 [ceil(N / 16)][K][2 * bits], as isa/bytes.hpp describes
  Tensor scales, zeros;  // f32 [ceil(N / 16)][blocks][16]
};
// `weights` has N rows, each of whole bytes, elements low bits first; scales and zero points are [N][blocks].
PackedBits pack_few_bits(const std::uint8_t* weights, int bits, std::int64_t n, std::int64_t k, std::int64_t block,
                         const std::vector<double>& scales, const std::vector<double>& zeros);

}  // namespace modelctl::kernels
