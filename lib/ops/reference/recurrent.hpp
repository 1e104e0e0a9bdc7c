// A layer of LSTM, GRU or RNN: its attributes, for both halves, and the reference implementation, one loop over
// directions, batch and time with a cell for each kind.
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
  std::string_view kernel;  // its name in kernels; empty if they do not have it
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

inline constexpr std::string_view recurrent_directions = "forward reverse bidirectional";

struct RecurrentSettings {
  bool batch_first, reverse, coupled, linear_before_reset;
  std::size_t directions;
  std::vector<GateActivation> functions;  // f, g, h of each direction
};
Result<RecurrentSettings> recurrent_settings(Recurrence kind, const Attributes& attributes);

// The sizes of a layer, and where the elements of one step or one state begin. With `batch_first`, the batch is the
// first axis of X, Y and the states; else time is that of X and Y, and the direction that of the states.
struct RecurrentSizes {
  bool batch_first;
  std::int64_t steps, batch, input, hidden, directions;

  Dims y_dims() const {
    return batch_first ? Dims{batch, steps, directions, hidden} : Dims{steps, directions, batch, hidden};
  }
  Dims state_dims() const { return batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden}; }
  std::int64_t x_at(std::int64_t t, std::int64_t b) const {
    return (batch_first ? b * steps + t : t * batch + b) * input;
  }
  std::int64_t y_at(std::int64_t t, std::int64_t d, std::int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  std::int64_t state_at(std::int64_t d, std::int64_t b) const {
    return (batch_first ? b * directions + d : d * batch + b) * hidden;
  }
  // The steps of sequence `b`: all of them if `lengths` is absent.
  std::int64_t length(const TensorView& lengths, std::int64_t b) const {
    return lengths.present() ? lengths.as<std::int32_t>()[static_cast<std::size_t>(b)] : steps;
  }
};

// From X, and checked against sequence_lens, the initial states and the peepholes (inputs 4 to 7).
Result<RecurrentSizes> recurrent_sizes(const Call& call, bool batch_first, std::size_t directions, std::int64_t hidden);
// Fails unless an input that is present has this type and these dimensions.
Result<void> need_dims(const TensorView& view, DType type, const Dims& expected, std::string_view what);

// One step of an LSTM's cell from the sums of its gates, which come in the order i, o, f, c, as the weights have them;
// peepholes in the order i, o, f. Replaces c and writes h.
void lstm_step(const GateActivation* functions, bool coupled, std::span<const double> peepholes,
               std::span<const double> gates, std::span<double> c, std::span<double> h);

Result<void> run_recurrent(Recurrence kind, const Call& call, Outputs& outputs);

}  // namespace modelctl::ops
