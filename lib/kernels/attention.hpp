// kernel:attention_f32 — Y = softmax(scale * Q x K^T, masked) x V, for each head, a block of keys at a time: the scores
// of a whole row never exist.
//
//   inputs      Q, K, V f32: [B, heads, S, D], or [B, S, heads * D] as they come from a product
//               mask, optional: bool (who takes part) or f32 (added), of any rank up to 4, broadcast to [B, H, S,
//               T], except that keys beyond the end of its last axis take no part
//               past key, past value f32 [B, KV heads, P, D], optional: they come before K and V
//               lengths i32 or i64 [B], optional
//               sinks f32 [heads], optional: a score of each head that takes weight and has no value
//   outputs     Y f32 as Q, with V's D
//               present key, present value f32 [B, KV heads, R, D], both or neither: past, then new. May be the memory
//               of past key and value, in which case nothing of the past is moved
//   attributes  heads, kv_heads (integers): of operands with three axes
//               scale (number, 1/sqrt(D)), softcap (number, 0), causal (integer, 0)
//               left, right (integers, -1): how far from its own position a query sees; -1: as far as there is
//               lengths (text): what `lengths` counts, "valid": K's rows that are not padding; "total": all keys, the
//               new ones last among them, which so begin at total - S in the present. A count that cannot be makes the
//               batch's outputs NaN
//
// kernel:rotary_f32 — the pairs of each head turned by the angles of its position.
//
//   inputs      X f32 [B, heads, S, D] or [B, S, heads * D]; cosines, sines f32: [positions, R / 2] with position ids
//               i64 [B, S], or [B, S, R / 2] without. An id out of range gives NaN
//   outputs     Y f32 as X
//   attributes  heads (integer): if X has three axes; interleaved (integer, 0): pairs are neighbors, else R / 2
//   apart
//
// Many queries: K and V are packed into panels, and both products run in the tiles of the matrix kernels. Few (a step
// of a decoder): keys and values are read once, where they lie.
#pragma once
