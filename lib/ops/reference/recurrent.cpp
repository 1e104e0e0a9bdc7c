// The reference implementation of recurrent layers. The activations here are those of the specification of RNN, LSTM
// and GRU, which kernels have in part (`kernel` of recurrent_functions); kernels/unary.def lists what products apply.
#include "ops/reference/recurrent.hpp"

#include "ops/reference/element.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace modelctl::ops {

double GateActivation::operator()(double x) const {
  double limit = clip, a = alpha, b = beta;
  if (x == x) x = std::clamp(x, -limit, limit);
  switch (function) {
    case RecurrentFunction::relu: return x < 0 ? 0 : x;
    case RecurrentFunction::tanh: return std::tanh(x);
    case RecurrentFunction::sigmoid: return 1 / (1 + std::exp(-x));
    case RecurrentFunction::affine: return a * x + b;
    case RecurrentFunction::leaky_relu: return x < 0 ? a * x : x;
    case RecurrentFunction::thresholded_relu: return x > a ? x : 0;
    case RecurrentFunction::scaled_tanh: return a * std::tanh(b * x);
    case RecurrentFunction::hard_sigmoid: return std::clamp(a * x + b, 0.0, 1.0);
    case RecurrentFunction::elu: return x < 0 ? a * std::expm1(x) : x;
    case RecurrentFunction::softsign: return x / (1 + std::fabs(x));
    case RecurrentFunction::softplus: return std::log1p(std::exp(-std::fabs(x))) + std::max(x, 0.0);
  }
  return x;
}

// Activations are listed for each direction in turn; their parameters, in lists of their own, only for those that have
// some.
Result<RecurrentSettings> recurrent_settings(Recurrence kind, const Attributes& attributes) {
  RecurrentSettings settings{};
  std::string_view direction = attributes.text("direction");
  std::int64_t layout = attributes.integer("layout");
  if (layout != 0 && layout != 1) return refuse("layout must be 0 or 1");
  settings.batch_first = layout == 1;
  settings.reverse = direction == "reverse";
  settings.directions = direction == "bidirectional" ? 2 : 1;
  settings.coupled = attributes.integer("input_forget") != 0;
  settings.linear_before_reset = attributes.integer("linear_before_reset") != 0;
  float clip = attributes.number("clip", 0);
  if (!(clip >= 0)) return refuse("clip must not be negative");
  if (clip == 0) clip = std::numeric_limits<float>::infinity();

  const auto& names = attributes.texts("activations");
  const auto &alphas = attributes.numbers("activation_alpha"), &betas = attributes.numbers("activation_beta");
  std::size_t each = functions_of(kind), next_alpha = 0, next_beta = 0;
  if (!names.empty() && names.size() != each * settings.directions) {
    return refuse("there are " + std::to_string(names.size()) + " activations, not " +
                  std::to_string(each * settings.directions));
  }
  for (std::size_t i = 0; i < each * settings.directions; ++i) {
    bool first_of_several = i % each == 0 && kind != Recurrence::rnn;
    std::string name = names.empty() ? (first_of_several ? "sigmoid" : "tanh") : names[i];
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto* def = std::find_if(std::begin(recurrent_functions), std::end(recurrent_functions),
                                   [&](const RecurrentFunctionDef& candidate) { return candidate.name == name; });
    if (def == std::end(recurrent_functions)) return refuse("activation '" + names[i] + "' is unknown");
    // As ONNX Runtime has it, the bound is for what gates sum up, and not for the cell that an LSTM's third one is
    // given.
    float bound = i % each == 2 ? std::numeric_limits<float>::infinity() : clip;
    GateActivation activation{static_cast<RecurrentFunction>(def - recurrent_functions), def->alpha, def->beta, bound};
    // The values are consumed in order, by the functions that have such a parameter.
    if (def->parameters > 0 && next_alpha < alphas.size()) activation.alpha = alphas[next_alpha++];
    if (def->parameters > 1 && next_beta < betas.size()) activation.beta = betas[next_beta++];
    settings.functions.push_back(activation);
  }
  return settings;
}

namespace {

// One direction's weights, in the type that sums happen in.
struct Direction {
  std::int64_t input, hidden;
  std::vector<double> w, r, w_bias, r_bias, peepholes;
  const GateActivation* functions;
  bool coupled, linear_before_reset;

  // A gate's sum over the input, or the state: row `row` of its weights, and its bias. The two biases stay apart, since
  // linear_before_reset multiplies only one of them.
  double of_input(std::int64_t row, const double* x) const { return dot(w, w_bias, row, x, input); }
  double of_state(std::int64_t row, const double* h) const { return dot(r, r_bias, row, h, hidden); }

 private:
  static double dot(const std::vector<double>& weights, const std::vector<double>& bias, std::int64_t row,
                    const double* x, std::int64_t n) {
    double sum = bias[static_cast<std::size_t>(row)];
    const double* from = weights.data() + row * n;
    for (std::int64_t i = 0; i < n; ++i) sum += from[i] * x[i];
    return sum;
  }
};

// The state of one sequence; a cell takes one step.
struct State {
  std::vector<double> h, c, next, reset, gates;  // the last two are scratch memory
};
using Cell = void (*)(const Direction& of, const double* x, State& state);

void rnn_cell(const Direction& of, const double* x, State& state) {
  for (std::int64_t j = 0; j < of.hidden; ++j) {
    state.next[static_cast<std::size_t>(j)] = of.functions[0](of.of_input(j, x) + of.of_state(j, state.h.data()));
  }
}

// z: update, r: reset, n: the candidate; the weights' rows are in the order z, r, n.
//   n = g(W x + R (r * h) + …), or g(W x + r * (R h + …)) with linear_before_reset (as cuDNN computes it)
//   h' = (1 - z) * n + z * h
void gru_cell(const Direction& of, const double* x, State& state) {
  const double* h = state.h.data();
  double *reset = state.reset.data(), *next = state.next.data();
  const GateActivation &f = of.functions[0], &g = of.functions[1];
  std::int64_t n = of.hidden;
  for (std::int64_t j = 0; j < n; ++j) {
    double r = f(of.of_input(n + j, x) + of.of_state(n + j, h));
    reset[j] = of.linear_before_reset ? r : r * h[j];
  }
  for (std::int64_t j = 0; j < n; ++j) {
    double update = f(of.of_input(j, x) + of.of_state(j, h));
    double past = of.linear_before_reset ? reset[j] * of.of_state(2 * n + j, h) : of.of_state(2 * n + j, reset);
    next[j] = (1 - update) * g(of.of_input(2 * n + j, x) + past) + update * h[j];
  }
}

// The cell of Gers and Schmidhuber with peepholes: the gates i and f see the old cell, o sees the new one.
//   c' = f * c + i * g(W x + R h)
//   h' = o * h(c')
void lstm_cell(const Direction& of, const double* x, State& state) {
  const std::int64_t n = of.hidden;
  for (std::int64_t row = 0; row < 4 * n; ++row) {
    state.gates[static_cast<std::size_t>(row)] = of.of_input(row, x) + of.of_state(row, state.h.data());
  }
  lstm_step(of.functions, of.coupled, of.peepholes, state.gates, state.c, state.next);
}

// `size` elements of `view` from `first` on; zeros if it is absent.
std::vector<double> stretch(const TensorView& view, std::int64_t first, std::int64_t size) {
  std::vector<double> values(static_cast<std::size_t>(size), 0.0);
  if (!view.present()) return values;
  auto load = load_of<double>(view.type);
  for (double& value : values) value = load(view.data, first++);
  return values;
}

// Where the outputs are; null if they are not wanted.
struct Destinations {
  void *y = nullptr, *h = nullptr, *c = nullptr;
};

Result<Destinations> allocate(const RecurrentSizes& sizes, Recurrence kind, DType type, Outputs& outputs) {
  Destinations to;
  if (outputs.wanted(0)) to.y = TRY(outputs.allocate(0, type, sizes.y_dims())).data;
  if (outputs.wanted(1)) to.h = TRY(outputs.allocate(1, type, sizes.state_dims())).data;
  if (kind == Recurrence::lstm && outputs.wanted(2)) to.c = TRY(outputs.allocate(2, type, sizes.state_dims())).data;
  return to;
}

// Sequence `b` of direction `d`, step by step. A reversed sequence is reversed within its length; zeros follow it.
void run_sequence(const RecurrentSizes& sizes, const Direction& of, Cell cell, bool backward, std::int64_t d,
                  std::int64_t b, const Call& call, const Destinations& to) {
  const TensorView& x = call.input(0);
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  const std::int64_t at = sizes.state_at(d, b), length = sizes.length(call.input(4), b);
  State state{stretch(call.input(5), at, sizes.hidden), stretch(call.input(6), at, sizes.hidden), {}, {}, {}};
  state.next = state.reset = std::vector<double>(static_cast<std::size_t>(sizes.hidden));
  state.gates.resize(static_cast<std::size_t>(4 * sizes.hidden));
  std::vector<double> step(static_cast<std::size_t>(sizes.input));
  for (std::int64_t i = 0; i < sizes.steps && !call.interrupted(); ++i) {
    std::int64_t t = backward && i < length ? length - 1 - i : i;
    std::int64_t from = sizes.x_at(t, b);
    for (double& value : step) value = load(x.data, from++);
    if (i < length) {
      cell(of, step.data(), state);
      state.h.swap(state.next);
    }
    std::int64_t y = sizes.y_at(t, d, b);
    for (double value : state.h) {
      if (to.y != nullptr) store(to.y, y++, i < length ? value : 0);
    }
  }
  for (std::int64_t j = 0; j < sizes.hidden; ++j) {
    if (to.h != nullptr) store(to.h, at + j, state.h[static_cast<std::size_t>(j)]);
    if (to.c != nullptr) store(to.c, at + j, state.c[static_cast<std::size_t>(j)]);
  }
}

}  // namespace

Result<void> need_dims(const TensorView& view, DType type, const Dims& expected, std::string_view what) {
  if (!view.present()) return {};
  if (view.type != type) return refuse_type(view.type);
  if (std::equal(view.dims.begin(), view.dims.end(), expected.begin(), expected.end())) return {};
  return refuse(std::string(what) + " is " + describe(view.type, view.dims) + " and not " + describe(type, expected));
}

void lstm_step(const GateActivation* functions, bool coupled, std::span<const double> peepholes,
               std::span<const double> gates, std::span<double> c, std::span<double> h) {
  const GateActivation &f = functions[0], &g = functions[1], &last = functions[2];
  const std::size_t n = h.size();
  for (std::size_t j = 0; j < n; ++j) {
    double input = f(gates[j] + peepholes[j] * c[j]);
    double forget = coupled ? 1 - input : f(gates[2 * n + j] + peepholes[2 * n + j] * c[j]);
    c[j] = forget * c[j] + input * g(gates[3 * n + j]);
    h[j] = f(gates[n + j] + peepholes[n + j] * c[j]) * last(c[j]);
  }
}

Result<RecurrentSizes> recurrent_sizes(const Call& call, bool batch_first, std::size_t directions,
                                       std::int64_t hidden) {
  const TensorView &x = call.input(0), &lengths = call.input(4);
  if (x.rank() != 3) return refuse("X must have rank 3");
  RecurrentSizes sizes{batch_first, x.dim(batch_first ? 1 : 0),           x.dim(batch_first ? 0 : 1), x.dim(2),
                       hidden,      static_cast<std::int64_t>(directions)};
  if (call.attributes.integer("hidden_size", hidden) != hidden) return refuse("hidden_size is not that of R");
  TRY(need_dims(lengths, DType::i32, {sizes.batch}, "sequence_lens"));
  TRY(need_dims(call.input(5), x.type, sizes.state_dims(), "initial_h"));
  TRY(need_dims(call.input(6), x.type, sizes.state_dims(), "initial_c"));
  TRY(need_dims(call.input(7), x.type, {sizes.directions, 3 * hidden}, "P"));
  for (std::int64_t b = 0; b < sizes.batch; ++b) {
    std::int64_t length = sizes.length(lengths, b);
    if (length < 0 || length > sizes.steps) {
      return refuse("sequence_lens has " + std::to_string(length) + " of " + std::to_string(sizes.steps) + " steps");
    }
  }
  return sizes;
}

Result<void> run_recurrent(Recurrence kind, const Call& call, Outputs& outputs) {
  const Cell cell = kind == Recurrence::lstm ? lstm_cell : kind == Recurrence::gru ? gru_cell : rnn_cell;
  const TensorView &x = call.input(0), &w = call.input(1), &r = call.input(2), &bias = call.input(3);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  RecurrentSettings settings = TRY(recurrent_settings(kind, call.attributes));
  if (r.rank() != 3) return refuse("R must have rank 3");
  const RecurrentSizes sizes = TRY(recurrent_sizes(call, settings.batch_first, settings.directions, r.dim(2)));
  const std::int64_t hidden = sizes.hidden, input = sizes.input;
  const std::int64_t rows = TRY(checked_multiply(static_cast<std::int64_t>(gates_of(kind)), hidden));
  TRY(need_dims(w, x.type, {sizes.directions, rows, input}, "W"));
  TRY(need_dims(r, x.type, {sizes.directions, rows, hidden}, "R"));
  TRY(need_dims(bias, x.type, {sizes.directions, 2 * rows}, "B"));
  const Destinations to = TRY(allocate(sizes, kind, x.type, outputs));
  for (std::int64_t d = 0; d < sizes.directions; ++d) {
    Direction of{input,
                 hidden,
                 stretch(w, d * rows * input, rows * input),
                 stretch(r, d * rows * hidden, rows * hidden),
                 stretch(bias, 2 * d * rows, rows),
                 stretch(bias, (2 * d + 1) * rows, rows),
                 stretch(call.input(7), 3 * d * hidden, 3 * hidden),
                 settings.functions.data() + d * static_cast<std::int64_t>(functions_of(kind)),
                 settings.coupled,
                 settings.linear_before_reset};
    for (std::int64_t b = 0; b < sizes.batch; ++b) {
      run_sequence(sizes, of, cell, settings.reverse || d == 1, d, b, call, to);
    }
  }
  return {};
}

}  // namespace modelctl::ops
