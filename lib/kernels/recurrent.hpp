// Recurrent layers. The products of the weights with all steps' inputs are one product; each step then adds that of the
// state, and applies the gates' functions to it in registers.
//
// kernel:lstm_f32, kernel:gru_f32, kernel:rnn_f32, for D directions, hidden size H and G = 4, 3 or 1 gates
//   inputs      X f32 [S,B,I]; W as pack_recurrent_weights() makes it; R likewise; bias f32 [D,G*H], for GRU [D,4*H]:
//   the
//               sums of both biases, and GRU's recurrent bias of the hidden gate, which linear_before_reset keeps
//               apart; initial_h f32 [D,B,H], optional; LSTM: initial_c, likewise; peepholes f32 [D,3*H], optional
//   outputs     Y f32 [S,D,B,H], Y_h f32 [D,B,H], LSTM: Y_c: all optional, but that one is there
//   attributes  batch_first (1: X is [B,S,I], Y [B,S,D,H], states [B,D,H]); hidden (H); directions (D); reverse (1: the
//               one direction, or the first of two, goes from the end; the second goes the other way);
//               functions (text of D times f g h: sigmoid, tanh, relu, leaky_relu, hard_sigmoid); alphas, betas
//               (numbers, one for each function); clip (number: bound of the arguments of f and g, none if absent);
//               coupled, linear_before_reset (0 or 1)
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl::kernels {

// Weights [D, gates * H, N] in panels, one direction after the other. `split` cuts each direction's rows in two
// products after that many: GRU's recurrent weights, whose hidden gate waits for the reset gate.
Tensor pack_recurrent_weights(const TensorView& weights, std::int64_t split = 0);

}  // namespace modelctl::kernels
