// kernel:integer_conv — the convolution of 8-bit integers less their zero points, channels first, W constant and
// packed; exact. Padding adds nothing.
//
//   inputs      X u8 or i8 [N,C,H,W] or [N,C,W]; the panels and columns of pack_conv_bytes(); X's zero point, of its
//               type, one element, optional; factors f32 [O], present if Y is of bytes: Y = round(sum * factor) + zero
//   outputs     Y [N,O,Ho,Wo] or [N,O,Wo]: i32, u8 or i8
//   attributes  kernel_shape (required), strides, dilations, pads, group; zero (integer, 0): Y's zero point
//
// The image is turned to channels last, so that the taps of a window's row lie side by side; each output pixel's window
// is then a row of a matrix product, gathered a few at a time.
#pragma once

#include "kernels/product/byte_product.hpp"

namespace modelctl::kernels {

// W is i8 or u8 [O, C/group, kH, kW] or [O, C/group, kW]; the rest as in pack_bytes(), over all O. Groups follow each
// other.
PackedBytes pack_conv_bytes(const TensorView& w, std::int64_t group, const TensorView& zeros, const TensorView& bias);

}  // namespace modelctl::kernels
