// kernel:conv_nhwc_f32 — Y = activation(conv(X, W) + bias + residual), channels last.
//
//   inputs      X f32 [N,H,W,C] or [N,W,C]; W as pack_conv_weights() makes it; bias f32 [O], optional;
//               residual as Y, optional
//   outputs     Y f32 [N,Ho,Wo,O] or [N,Wo,O]
//   attributes  kernel_shape (required), strides, dilations, pads, group; activation, alpha, beta (operands.hpp)
//
// Direct: a tile is a stretch of pixels of one output row by some panels of output channels, and runs over the window's
// taps with no im2col. Taps that lie side by side in memory are one longer sum. Padding reads a row of zeros; where the
// channels are few, the input is copied into a padded image first instead, so that a whole row of taps is one sum.
//
// Depthwise convolution is depthwise_conv.hpp.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

// The most rows of taps that the kernel takes, and of taps in all if these do not join.
inline constexpr std::int64_t largest_conv_taps = 512;

// W is f32 [O, C/group, kH, kW] or [O, C/group, kW], as ONNX has it; `group` divides O.
Tensor pack_conv_weights(const TensorView& w, std::int64_t group);

}  // namespace modelctl::kernels
