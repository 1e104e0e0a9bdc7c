// Pools over NHWC images; [N,W,C] is one of height 1.
//
// kernel:max_pool_nhwc_f32, kernel:average_pool_nhwc_f32
//   inputs      X f32 [N,H,W,C] or [N,W,C]
//   outputs     Y f32 [N,Ho,Wo,C] or [N,Wo,C]
//   attributes  kernel_shape (required), strides, dilations, pads; ceil_mode (integer, 0);
//               count_include_pad (integer, 0; average only)
// kernel:global_average_pool_nhwc_f32
//   inputs      X f32 [N,...,C]
//   outputs     Y f32 [N,1,...,C], or [N,C]
//
// A NaN in a window makes its maximum NaN. A window that lies in the padding alone has -inf as its maximum.
#pragma once
