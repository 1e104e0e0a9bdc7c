// Kernels over the rows of a tensor: the values along its last axis, or along all axes from `axis` on, which are one
// row.
//
// kernel:softmax_f32, kernel:log_softmax_f32
//   inputs      X f32
//   outputs     Y f32 of the same dimensions; may be the memory of X
//   attributes  axis (integer, -1)
// kernel:layer_normalization_f32 — Y = (X - mean) / sqrt(variance + epsilon) * scale + bias
//   inputs      X f32; scale, bias f32, optional: as many elements as a row
//   outputs     Y f32 as X; mean and inverse deviation f32, both optional: as many elements as rows
//   attributes  axis (integer, -1); epsilon (number, 1e-5)
// kernel:rms_normalization_f32 — Y = X / sqrt(mean of squares + epsilon) * scale
//   inputs      X f32; scale f32: as many elements as a row
//   outputs     Y f32 as X
//   attributes  axis (integer, -1); epsilon (number, 1e-5)
// kernel:reduce_mean_f32
//   inputs      X f32
//   outputs     Y f32: as many elements as rows
//   attributes  axis (integer, -1)
#pragma once
