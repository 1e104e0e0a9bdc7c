// kernel:integer_gemm — Y = (A - zero) x (B - zeros) + bias, of 8-bit integers, B constant and packed; exact.
//
//   inputs      A u8 or i8 [..., K]; the panels and columns of pack_bytes(); A's zero point, of its type, one element,
//               optional; factors f32 [N], present if Y is of bytes: Y = round(sum * factor) + zero
//   outputs     Y [..., N]: i32, u8 or i8
//   attributes  zero (integer, 0): Y's zero point
#pragma once

#include "kernels/product/byte_product.hpp"
