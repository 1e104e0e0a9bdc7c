// kernel:unary_f32 — Y = f(X), element by element.
//   inputs      X f32
//   outputs     Y f32 of the same dimensions; may be the memory of X
//   attributes  function: a name of unary.def; alpha, beta: its parameters, whose defaults that table has
//
// kernel:binary_f32 — Y = f(A, B) with broadcasting.
//   inputs      A, B f32
//   outputs     Y f32; may be the memory of an operand that has its dimensions
//   attributes  function: add sub mul div max min pow
//
// NaN passes through all of them, through relu, clip, max and min too.
#pragma once
