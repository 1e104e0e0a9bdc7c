// A layer of LSTM, GRU or RNN: what its attributes say, for both halves, and the reference, one walk over directions,
// batch and time with a cell for each.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

enum class RecurrentFunction : std::uint8_t {
  relu,
  tanh,
  sigmoid,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus
};

struct RecurrentFunctionDef {
  std::string_view name;    // in lower case: models write it in any
  std::string_view kernel;  // what kernels call it; empty where they have none
  int parameters;           // alpha; alpha and beta
  float alpha, beta;
};
inline constexpr RecurrentFunctionDef recurrent_functions[] = {{"relu", "relu", 0, 0, 0},
                                                               {"tanh", "tanh", 0, 0, 0},
                                                               {"sigmoid", "sigmoid", 0, 0, 0},
                                                               {"affine", "", 2, 1, 0},
                                                               {"leakyrelu", "leaky_relu", 1, 0.01f, 0},
                                                               {"thresholdedrelu", "", 1, 1, 0},
                                                               {"scaledtanh", "", 2, 1, 1},
                                                               {"hardsigmoid", "hard_sigmoid", 2, 0.2f, 0.5f},
                                                               {"elu", "", 1, 1, 0},
                                                               {"softsign", "", 0, 0, 0},
                                                               {"softplus", "", 0, 0, 0}};

struct GateActivation {
  RecurrentFunction function;
  float alpha, beta, clip;

  double operator()(double x) const;
};

enum class Recurrence : std::uint8_t { lstm, gru, rnn };
constexpr std::size_t gates_of(Recurrence kind) {
  return kind == Recurrence::lstm ? 4 : kind == Recurrence::gru ? 3 : 1;
}
constexpr std::size_t functions_of(Recurrence kind) {
  return kind == Recurrence::lstm ? 3 : kind == Recurrence::gru ? 2 : 1;
}

struct RecurrentSettings {
  bool batch_first, reverse, coupled, linear_before_reset;
  std::size_t directions;
  std::vector<GateActivation> functions;  // f, g, h of each direction
};
Result<RecurrentSettings> recurrent_settings(Recurrence kind, const Attributes& attributes);

Result<void> run_recurrent(Recurrence kind, const Call& call, Outputs& outputs);

}  // namespace modelctl::ops
