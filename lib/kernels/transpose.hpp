// kernel:transpose — Y = X with its axes in another order.
//
//   inputs      X of any type of 1, 2, 4 or 8 bytes
//   outputs     Y of the same type: axis i of Y is axis perm[i] of X
//   attributes  perm (required)
//
// Axes that stay neighbours are one. What is left copies runs where the last axis stays last, and otherwise turns
// blocks that fit the first-level cache; between NCHW and NHWC that is one turn of [C, H*W] per image.
#pragma once
