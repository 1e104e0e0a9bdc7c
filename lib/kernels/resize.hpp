// kernel:resize_f32 — Y = X with one axis, or two neighboring ones, resized.
//
//   inputs      X f32
//   outputs     Y f32 of the same rank
//   attributes  scales (numbers, one for each axis; if absent, what the sizes give); mode, nearest_mode,
//               coordinate_transformation_mode (but tf_crop_and_resize), cubic_coeff_a, exclude_outside:
//               as ONNX's Resize has them
#pragma once
