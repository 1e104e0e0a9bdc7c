// kernel:matmul_f32 — Y = alpha * A x B, both computed at run time, batched with broadcasting (attention).
//
//   inputs      A f32 [..., M, K]; B f32 [..., K, N], or [..., N, K] with transposed; leading dimensions broadcast
//   outputs     Y f32 [..., M, N]
//   attributes  transposed (integer, 0); alpha (number, 1)
//
// B is packed into panels in scratch memory first, each matrix of it once however often it is broadcast.
#pragma once
