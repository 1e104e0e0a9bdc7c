// kernel:stft_f32 — the spectra of overlapping frames, as a product: a frame is a row of the signal, read in place.
//
//   inputs      signal f32 [B,L], [B,L,1] or (complex) [B,L,2]; weights as pack_stft_weights() makes them
//   outputs     Y f32 [B, 1 + (L - length) / step, bins, 2]
//   attributes  length, step (integers): of a frame, and from one to the next; bins (integer)
//
// For the lengths that speech is cut into, a product with the matrix of all roots of unity takes less time than a fast
// transform: it runs at the speed of matrix products.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

// For frames of `length` numbers under `window` (f32; shorter ones end in zeros).
Tensor pack_stft_weights(const TensorView& window, std::int64_t length, std::int64_t bins, bool complex);

}  // namespace modelctl::kernels
