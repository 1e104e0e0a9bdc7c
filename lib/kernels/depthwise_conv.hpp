// kernel:depthwise_conv_nhwc_f32 — convolution where each channel has a filter of its own (group = C = O), channels
// last.
//
//   inputs      X f32 [N,H,W,C] or [N,W,C]; W as pack_depthwise_weights() makes it; bias f32 [C], optional;
//               residual as Y, optional
//   outputs     Y f32 [N,Ho,Wo,C] or [N,Wo,C]
//   attributes  kernel_shape (required), strides, dilations, pads; activation, alpha, beta (operands.hpp)
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

// W is f32 [C, 1, kH, kW] or [C, 1, kW], as ONNX has it; packed [ceil(C / 16)][taps][16].
Tensor pack_depthwise_weights(const TensorView& w);

}  // namespace modelctl::kernels
