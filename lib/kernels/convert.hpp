// kernel:convert — Y = X in another floating-point type: from f16 or bf16 to f32, which is exact, or from f32 to one of
// them, rounded to nearest even.
//
//   inputs      X f16, bf16 or f32
//   outputs     Y of the same dimensions: f32, or f16 or bf16 if X is f32
//
// f16 and bf16 are storage types: the passes compute such graphs in f32, and this kernel stands at their edges.
#pragma once
