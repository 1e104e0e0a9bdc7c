// kernel:conv_transpose_nhwc_f32 — Y = activation(transposed convolution of X by W + bias + residual), channels last,
// over one to three spatial axes.
//
//   inputs      X f32 [N,...,C]; W as pack_conv_transpose_weights() makes it; bias f32 [M], optional;
//               residual as Y, optional
//   outputs     Y f32 [N,...,M]; its sizes decide how much of the result is kept
//   attributes  kernel_shape (required), strides, dilations, begins (what is cut off before, per axis, 0), group;
//               activation, alpha, beta (operands.hpp)
//
// Along one axis with stride s, tap t of input element i lands on output o = i * s + t * dilation - begin. So the
// outputs of one phase, o mod s, all take the same taps, those with t * dilation - begin = o (mod s), and from one such
// output to the next the input advances by one: each phase is a plain convolution of stride 1, without a product by
// zeros and without a sum over overlapping outputs. The weights are packed phase by phase.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

struct TransposedAxis {
  std::int64_t kernel = 1, stride = 1, dilation = 1, begin = 0;
};
// The most taps that one phase may have, all axes together.
inline constexpr std::int64_t largest_phase = 512;
// A phase without taps has outputs too, the bias: larger strides are left to the reference implementation.
inline constexpr std::int64_t largest_transposed_stride = 1 << 16;

// The taps of the phase that has most.
std::int64_t most_taps_of_a_phase(std::span<const TransposedAxis> axes);

// W is f32 [C, M/group, kernel...], as ONNX has it, with one to three kernel axes.
Tensor pack_conv_transpose_weights(const TensorView& w, std::span<const TransposedAxis> axes, std::int64_t group);

}  // namespace modelctl::kernels
