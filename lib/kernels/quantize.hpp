// Between f32 and 8-bit integers, one scale and one zero point for a tensor.
//
// kernel:quantize_f32 — Y = round(X / scale) + zero, to even, kept within Y's type; NaN becomes the zero point
//   inputs      X f32; scale f32, one element; zero of Y's type, one element, optional
//   outputs     Y u8 or i8
// kernel:dequantize_f32 — Y = (X - zero) * scale
//   inputs      X u8 or i8; scale f32, one element; zero of X's type, one element, optional
//   outputs     Y f32
// kernel:dynamic_quantize_f32 — the scale and zero point that span X and 0, as ONNX's DynamicQuantizeLinear has them
//   inputs      X f32
//   outputs     Y u8; scale f32, zero u8: one element
#pragma once
