// LSTM, GRU and RNN: one walk over directions, batch and time, and a cell for each.
#include "kernels/recurrent.hpp"
#include "ops/element.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/lowering.hpp"
#include "ops/run.hpp"

#include <algorithm>
#include <cctype>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// ---- What the attributes say, for both halves.

enum class Function : std::uint8_t {
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

struct FunctionDef {
  std::string_view name;    // in lower case: models write it in any
  std::string_view kernel;  // what kernels call it; empty where they have none
  int parameters;           // alpha; alpha and beta
  float alpha, beta;
};
constexpr FunctionDef functions[] = {{"relu", "relu", 0, 0, 0},
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

struct Squash {
  Function function;
  float alpha, beta, clip;

  double operator()(double x) const {
    double limit = clip, a = alpha, b = beta;
    if (x == x) x = std::clamp(x, -limit, limit);
    switch (function) {
      case Function::relu: return x < 0 ? 0 : x;
      case Function::tanh: return std::tanh(x);
      case Function::sigmoid: return 1 / (1 + std::exp(-x));
      case Function::affine: return a * x + b;
      case Function::leaky_relu: return x < 0 ? a * x : x;
      case Function::thresholded_relu: return x > a ? x : 0;
      case Function::scaled_tanh: return a * std::tanh(b * x);
      case Function::hard_sigmoid: return std::clamp(a * x + b, 0.0, 1.0);
      case Function::elu: return x < 0 ? a * std::expm1(x) : x;
      case Function::softsign: return x / (1 + std::fabs(x));
      case Function::softplus: return std::log1p(std::exp(-std::fabs(x))) + std::max(x, 0.0);
    }
    return x;
  }
};

enum class Kind : std::uint8_t { lstm, gru, rnn };
constexpr std::size_t gates_of(Kind kind) { return kind == Kind::lstm ? 4 : kind == Kind::gru ? 3 : 1; }
constexpr std::size_t functions_of(Kind kind) { return kind == Kind::lstm ? 3 : kind == Kind::gru ? 2 : 1; }

struct Settings {
  bool batch_first, reverse, coupled, linear_before_reset;
  std::size_t directions;
  std::vector<Squash> functions;  // f, g, h of each direction
};

Result<Settings> read_settings(Kind kind, const Attributes& attributes) {
  Settings settings{};
  std::string_view direction = attributes.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    return refuse("direction '" + std::string(direction) + "' is none of forward, reverse and bidirectional");
  }
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
    bool first_of_several = i % each == 0 && kind != Kind::rnn;
    std::string name = names.empty() ? (first_of_several ? "sigmoid" : "tanh") : names[i];
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto* def = std::find_if(std::begin(functions), std::end(functions),
                                   [&](const FunctionDef& candidate) { return candidate.name == name; });
    if (def == std::end(functions)) return refuse("activation '" + names[i] + "' is unknown");
    // As ONNX Runtime has it, the bound is for what gates sum up, and not for the cell that an LSTM's third one is
    // given.
    float bound = i % each == 2 ? std::numeric_limits<float>::infinity() : clip;
    Squash squash{static_cast<Function>(def - functions), def->alpha, def->beta, bound};
    // The values are consumed in order, by the functions that have such a parameter.
    if (def->parameters > 0 && next_alpha < alphas.size()) squash.alpha = alphas[next_alpha++];
    if (def->parameters > 1 && next_beta < betas.size()) squash.beta = betas[next_beta++];
    settings.functions.push_back(squash);
  }
  return settings;
}

// ---- The run half.

// One direction's weights, in the type that sums happen in.
struct Direction {
  std::int64_t input, hidden;
  std::vector<double> w, r, w_bias, r_bias, peepholes;
  const Squash* functions;
  bool coupled, linear_before_reset;

  // A gate's sum over the input, or the state: row `row` of its weights.
  double of_input(std::int64_t row, const double* x) const { return dot(w, w_bias, row, x, input); }
  double of_state(std::int64_t row, const double* h) const { return dot(r, r_bias, row, h, hidden); }
  double peephole(std::int64_t row, double c) const { return peepholes[static_cast<std::size_t>(row)] * c; }

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
  std::vector<double> h, c, next, reset;
};
using Cell = void (*)(const Direction& of, const double* x, State& state);

void rnn_cell(const Direction& of, const double* x, State& state) {
  for (std::int64_t j = 0; j < of.hidden; ++j) {
    state.next[static_cast<std::size_t>(j)] = of.functions[0](of.of_input(j, x) + of.of_state(j, state.h.data()));
  }
}

void gru_cell(const Direction& of, const double* x, State& state) {
  const double* h = state.h.data();
  double *reset = state.reset.data(), *next = state.next.data();
  const Squash &f = of.functions[0], &g = of.functions[1];
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

void lstm_cell(const Direction& of, const double* x, State& state) {
  const Squash &f = of.functions[0], &g = of.functions[1], &last = of.functions[2];
  std::int64_t n = of.hidden;
  for (std::int64_t j = 0; j < n; ++j) {  // gates and peepholes stand in the order i, o, f, c
    double& c = state.c[static_cast<std::size_t>(j)];
    auto gate = [&](std::int64_t index) {
      return of.of_input(index * n + j, x) + of.of_state(index * n + j, state.h.data());
    };
    double input = f(gate(0) + of.peephole(j, c));
    double forget = of.coupled ? 1 - input : f(gate(2) + of.peephole(2 * n + j, c));
    c = forget * c + input * g(gate(3));
    state.next[static_cast<std::size_t>(j)] = f(gate(1) + of.peephole(n + j, c)) * last(c);
  }
}

// `size` elements of `view` from `first` on; zeros where it is absent.
std::vector<double> stretch(const TensorView& view, std::int64_t first, std::int64_t size) {
  std::vector<double> values(static_cast<std::size_t>(size), 0.0);
  if (!view.present()) return values;
  auto load = load_of<double>(view.type);
  for (double& value : values) value = load(view.data, first++);
  return values;
}

Result<void> need_dims(const TensorView& view, DType type, Dims expected, std::string_view what) {
  if (!view.present()) return {};
  if (view.type != type) return refuse_type(view.type);
  if (Dims(view.dims.begin(), view.dims.end()) == expected) return {};
  return refuse(std::string(what) + " is " + describe(view.type, view.dims) + " and not " + describe(type, expected));
}

template <Kind kind>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  constexpr std::int64_t gates = gates_of(kind);
  constexpr Cell cell = kind == Kind::lstm ? lstm_cell : kind == Kind::gru ? gru_cell : rnn_cell;
  const TensorView &x = call.input(0), &w = call.input(1), &r = call.input(2), &bias = call.input(3);
  const TensorView &lengths = call.input(4), &initial_h = call.input(5), &initial_c = call.input(6),
                   &peepholes = call.input(7);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  Settings settings = TRY(read_settings(kind, call.attributes));
  if (x.rank() != 3 || r.rank() != 3) return refuse("X and R must have rank 3");
  bool batch_first = settings.batch_first;
  const std::int64_t steps = x.dim(batch_first ? 1 : 0), batch = x.dim(batch_first ? 0 : 1), input = x.dim(2);
  const std::int64_t hidden = r.dim(2);
  const auto directions = static_cast<std::int64_t>(settings.directions);
  if (call.attributes.integer("hidden_size", hidden) != hidden) return refuse("hidden_size is not that of R");
  const std::int64_t rows = TRY(checked_multiply(gates, hidden));
  const Dims state_dims = batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
  TRY(need_dims(w, x.type, {directions, rows, input}, "W"));
  TRY(need_dims(r, x.type, {directions, rows, hidden}, "R"));
  TRY(need_dims(bias, x.type, {directions, 2 * rows}, "B"));
  TRY(need_dims(lengths, DType::i32, {batch}, "sequence_lens"));
  TRY(need_dims(initial_h, x.type, state_dims, "initial_h"));
  TRY(need_dims(initial_c, x.type, state_dims, "initial_c"));
  TRY(need_dims(peepholes, x.type, {directions, 3 * hidden}, "P"));
  for (std::int64_t b = 0; lengths.present() && b < batch; ++b) {
    std::int64_t length = lengths.as<std::int32_t>()[static_cast<std::size_t>(b)];
    if (length < 0 || length > steps) {
      return refuse("sequence_lens has " + std::to_string(length) + " of " + std::to_string(steps) + " steps");
    }
  }

  void *y = nullptr, *last[2] = {nullptr, nullptr};  // Y; Y_h and Y_c
  if (outputs.wanted(0)) {
    Dims dims = batch_first ? Dims{batch, steps, directions, hidden} : Dims{steps, directions, batch, hidden};
    y = TRY(outputs.allocate(0, x.type, dims)).data;
  }
  for (std::size_t i = 1; i < (kind == Kind::lstm ? 3 : 2); ++i) {
    if (outputs.wanted(i)) last[i - 1] = TRY(outputs.allocate(i, x.type, state_dims)).data;
  }
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for (std::int64_t d = 0; d < directions; ++d) {
    Direction of{input,
                 hidden,
                 stretch(w, d * rows * input, rows * input),
                 stretch(r, d * rows * hidden, rows * hidden),
                 stretch(bias, 2 * d * rows, rows),
                 stretch(bias, (2 * d + 1) * rows, rows),
                 stretch(peepholes, 3 * d * hidden, 3 * hidden),
                 settings.functions.data() + d * static_cast<std::int64_t>(functions_of(kind)),
                 settings.coupled,
                 settings.linear_before_reset};
    bool backwards = settings.reverse || d == 1;
    std::vector<double> step(static_cast<std::size_t>(input));
    for (std::int64_t b = 0; b < batch; ++b) {
      std::int64_t at = (batch_first ? b * directions + d : d * batch + b) * hidden;
      State state{stretch(initial_h, at, hidden), stretch(initial_c, at, hidden), {}, {}};
      state.next = state.reset = std::vector<double>(static_cast<std::size_t>(hidden));
      std::int64_t length = lengths.present() ? lengths.as<std::int32_t>()[static_cast<std::size_t>(b)] : steps;
      for (std::int64_t i = 0; i < steps; ++i) {  // a sequence is reversed within its length; zeros follow it
        std::int64_t t = backwards && i < length ? length - 1 - i : i;
        std::int64_t from = (batch_first ? b * steps + t : t * batch + b) * input;
        for (double& value : step) value = load(x.data, from++);
        if (i < length) {
          cell(of, step.data(), state);
          state.h.swap(state.next);
        }
        std::int64_t to = (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
        for (double value : state.h) {
          if (y != nullptr) store(y, to++, i < length ? value : 0);
        }
      }
      for (std::int64_t j = 0; j < hidden; ++j) {
        if (last[0] != nullptr) store(last[0], at + j, state.h[static_cast<std::size_t>(j)]);
        if (last[1] != nullptr) store(last[1], at + j, state.c[static_cast<std::size_t>(j)]);
      }
    }
  }
  return {};
}

// ---- The build half.

template <Kind kind>
Result<void> infer(Inference& call) {
  auto settings = read_settings(kind, call.attributes());
  if (!settings) return call.bad(settings.error().what);
  for (std::size_t index = 0; index < 3; ++index) TRY(need_rank(call, index, 3, 3));
  DType element = TRY(common_element(call, {0, 1, 2, 3, 5, 6, 7}));
  const Shape *x = call.shape(0), *w = call.shape(1), *r = call.shape(2);
  Expr directions = static_cast<std::int64_t>(settings->directions);
  Expr hidden = r != nullptr ? (*r)[2] : call.fresh_symbol();
  if (call.attributes().has("hidden_size")) {
    hidden = TRY(same_size(call, hidden, call.attributes().integer("hidden_size")));
  }
  Expr rows = hidden * static_cast<std::int64_t>(gates_of(kind));
  if (w != nullptr && x != nullptr) TRY(same_size(call, (*w)[2], (*x)[2]));
  for (const Shape* weights : {w, r}) {
    if (weights == nullptr) continue;
    TRY(same_size(call, (*weights)[0], directions));
    TRY(same_size(call, (*weights)[1], rows));
  }
  bool batch_first = settings->batch_first;
  Expr steps = x != nullptr ? (*x)[batch_first ? 1 : 0] : call.fresh_symbol();
  Expr batch = x != nullptr ? (*x)[batch_first ? 0 : 1] : call.fresh_symbol();
  Shape state = batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  for (std::size_t index = 0; index < call.node().outputs().size(); ++index) {
    Shape y = batch_first ? Shape{batch, steps, directions, hidden} : Shape{steps, directions, batch, hidden};
    call.set_output(index, element, index == 0 ? y : state);
  }
  return {};
}

// W's and R's biases in one, and GRU's recurrent one of the hidden gate after them, if it is to be kept apart.
Tensor join_bias(const Tensor* bias, Kind kind, std::int64_t directions, std::int64_t hidden, bool apart) {
  const std::int64_t gates = gates_of(kind), rows = gates * hidden, width = kind == Kind::gru ? 4 * hidden : rows;
  Tensor joined(DType::f32, {directions, width});
  if (bias == nullptr) return joined;
  const float* from = bias->as<float>().data();
  float* to = joined.mutable_view().as<float>().data();
  for (std::int64_t d = 0; d < directions; ++d, from += 2 * rows, to += width) {
    for (std::int64_t i = 0; i < rows; ++i) {
      bool late = apart && i >= 2 * hidden;
      to[i] = from[i] + (late ? 0 : from[rows + i]);
      if (late) to[hidden + i] = from[rows + i];
    }
  }
  return joined;
}

// Constant weights are packed now. A layer that has more than the kernels know is left to evaluate.
template <Kind kind>
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  const Tensor *w = call.constant(1), *r = call.constant(2), *bias = call.constant(3), *peepholes = call.constant(7);
  if (!call.plain_f32(0) || w == nullptr || r == nullptr || r->dims()[2] == 0) return false;
  if ((node.input(3) != nullptr && bias == nullptr) || (node.input(7) != nullptr && peepholes == nullptr)) return false;
  Settings settings = TRY(read_settings(kind, node.attributes));
  if (node.input(4) != nullptr) {
    const Tensor* lengths = call.constant(4);
    auto steps = (*call.shape(0))[settings.batch_first ? 1 : 0].constant();
    if (lengths == nullptr || !steps) return false;
    for (std::int32_t length : lengths->as<std::int32_t>()) {
      if (length != *steps) return false;
    }
  }
  std::vector<std::string> names;
  std::vector<float> alphas, betas;
  for (std::size_t i = 0; i < 3 * settings.directions; ++i) {
    std::size_t each = functions_of(kind), of = i / 3 * each + std::min(i % 3, each - 1);  // the last one fills up
    const Squash& squash = settings.functions[of];
    const FunctionDef& def = functions[static_cast<std::size_t>(squash.function)];
    if (def.kernel.empty()) return false;
    names.emplace_back(def.kernel);
    alphas.push_back(squash.alpha);
    betas.push_back(squash.beta);
  }
  const std::int64_t hidden = r->dims()[2];
  const auto flag = [](bool value) { return std::int64_t{value}; };
  Attributes attributes{{"hidden", hidden},
                        {"directions", static_cast<std::int64_t>(settings.directions)},
                        {"batch_first", flag(settings.batch_first)},
                        {"reverse", flag(settings.reverse)},
                        {"functions", names},
                        {"alphas", alphas},
                        {"betas", betas},
                        {"clip", settings.functions[0].clip}};
  const bool apart = kind == Kind::gru && settings.linear_before_reset;
  if (apart) attributes.set("linear_before_reset", flag(true));
  if (kind == Kind::lstm && settings.coupled) attributes.set("coupled", flag(true));
  std::vector<Lowering::Operand> operands = {
      node.input(0), kernels::pack_recurrent_weights(w->view()),
      kernels::pack_recurrent_weights(r->view(), kind == Kind::gru ? 2 * hidden : 0),
      join_bias(bias, kind, static_cast<std::int64_t>(settings.directions), hidden, apart), node.input(5)};
  if (kind == Kind::lstm) {
    operands.emplace_back(node.input(6));
    operands.emplace_back(node.input(7));
  }
  constexpr std::string_view kernels[] = {"lstm_f32", "gru_f32", "rnn_f32"};
  call.emit(kernels[static_cast<std::size_t>(kind)], std::move(operands), std::move(attributes));
  return true;
}

constexpr AttributeDef activation_alpha = {
    "activation_alpha", AttributeType::numbers,
    "for the activations that have an alpha, in order; their defaults where absent"};
constexpr AttributeDef activation_beta = {"activation_beta", AttributeType::numbers, "the same for beta"};
constexpr AttributeDef activation_names = {"activations", AttributeType::texts,
                                           "the functions of each direction, in the order f g h"};
constexpr AttributeDef clip = {"clip", AttributeType::number, "bound of the gates' sums; none where absent"};
constexpr AttributeDef direction = {"direction", AttributeType::text, "forward, where absent; reverse; bidirectional"};
constexpr AttributeDef hidden_size = {"hidden_size", AttributeType::integer, "the state's size: R's last"};
constexpr AttributeDef layout = {"layout", AttributeType::integer, "0, where absent: time first; 1: batch first"};
constexpr AttributeDef of_rnn[] = {activation_alpha, activation_beta, activation_names, clip, direction,
                                   hidden_size,      layout};
constexpr AttributeDef of_gru[] = {activation_alpha,
                                   activation_beta,
                                   activation_names,
                                   clip,
                                   direction,
                                   hidden_size,
                                   layout,
                                   {"linear_before_reset", AttributeType::integer,
                                    "1: the reset gate is applied to the product; 0 where absent: to the state"}};
constexpr AttributeDef of_lstm[] = {
    activation_alpha,
    activation_beta,
    activation_names,
    clip,
    direction,
    hidden_size,
    {"input_forget", AttributeType::integer, "1: the forget gate is 1 less the input gate; 0 where absent"},
    layout};

constexpr OpDef defs[] = {
    {"", "LSTM", 22, "A layer of long short-term memory over sequences.",
     "X W R B? sequence_lens? initial_h? initial_c? P?", "Y? Y_h? Y_c?", float_types, of_lstm, infer<Kind::lstm>,
     [] {
       return Examples{
           {"two steps, a bias, all outputs",
            {f32({2, 1, 2}, {0.75f, 0.25f, 0, -0.5f}),
             f32({1, 8, 2}, {-0.375f, -1, -0.875f, -1, -0.75f, 0.625f, 0.375f, 0.875f, 0, 0.25f, 1, 0.5f, 0.25f, 0.125f,
                             0.125f, 0.875f}),
             f32({1, 8, 2}, {-0.5f, 0.625f, 0.375f, -1, -0.25f, 0.75f, 0.125f, -1, 0.625f, 0.5f, 0.75f, -0.75f, -0.875f,
                             0.75f, -1, 0.125f}),
             f32({1, 16}, {-0.875f, -0.375f, 0, -0.125f, -0.25f, -1, -1, -0.75f, -1, 0.375f, 0, 0.375f, -0.5f, 0.25f,
                           0.5f, -0.25f})},
            {{"hidden_size", std::int64_t{2}}},
            {f32({2, 1, 1, 2}, {-0.0090598408f, -0.1154277f, -0.045837253f, -0.2684015f}),
             f32({1, 1, 2}, {-0.045837253f, -0.2684015f}), f32({1, 1, 2}, {-0.11449807f, -0.62874627f})},
            2e-6},
           {"both ways, lengths, first states and peepholes",
            {f32({2, 2, 1}, {-0.125f, 1, 0.625f, 1}),
             f32({2, 4, 1}, {-0.25f, 0.375f, 1, 0.375f, 0.75f, 0.375f, 0.375f, -0.25f}),
             f32({2, 4, 1}, {0.75f, -0.75f, 0.125f, 0.5f, 0.75f, 0, -0.25f, -0.375f}), Tensor(), i32({2}, {1, 2}),
             f32({2, 2, 1}, {-0.125f, 0, 0.5f, 0.875f}), f32({2, 2, 1}, {-0.875f, 0.875f, 0.125f, -0.25f}),
             f32({2, 3}, {0.375f, 0.125f, -0.5f, -0.375f, 0.5f, 0.25f})},
            {{"direction", std::string("bidirectional")}},
            {f32({2, 2, 2, 1},
                 {-0.24607591f, 0.38818559f, -0.013773765f, -0.2156591f, 0, 0.35956454f, 0, -0.26508468f}),
             f32({2, 2, 1}, {-0.24607591f, 0.35956454f, -0.013773765f, -0.2156591f}),
             f32({2, 2, 1}, {-0.54593349f, 0.7911697f, -0.028422803f, -0.42211217f})},
            2e-6},
           {"backwards, bounded, the forget gate coupled, other functions",
            {f32({2, 1, 1}, {0, -0.375f}), f32({1, 4, 1}, {0.5f, -0.25f, -0.375f, 0.875f}),
             f32({1, 4, 1}, {-0.5f, -0.625f, 0.5f, 0.25f})},
            {{"direction", std::string("reverse")},
             {"clip", 0.5f},
             {"input_forget", std::int64_t{1}},
             {"activations", std::vector<std::string>{"HardSigmoid", "Tanh", "Relu"}},
             {"activation_alpha", std::vector<float>{0.25f}},
             {"activation_beta", std::vector<float>{0.5f}}},
            {f32({2, 1, 1, 1}, {0, 0})},
            2e-6},
           {"the bound is not the cell's",
            {f32({1, 1, 1}, {1}), f32({1, 4, 1}, {0, 0, 0, 9}), f32({1, 4, 1}, {0, 0, 0, 0}), Tensor(), Tensor(),
             Tensor(), f32({1, 1, 1}, {2})},
            {{"clip", 0.25f}},
            {f32({1, 1, 1, 1}, {0.40421137f})},
            2e-6}};
     },
     nullptr, lower<Kind::lstm>},
    {"", "GRU", 22, "A layer of gated recurrent units over sequences.", "X W R B? sequence_lens? initial_h?", "Y? Y_h?",
     float_types, of_gru, infer<Kind::gru>,
     [] {
       return Examples{
           {"two steps from a state",
            {f32({2, 1, 2}, {-1, -0.875f, -0.25f, 0.75f}),
             f32({1, 6, 2},
                 {-0.25f, 0.625f, -0.375f, -0.5f, 0.625f, 0.75f, -0.875f, -1, 0.375f, -0.375f, 0.125f, -0.75f}),
             f32({1, 6, 2}, {0.75f, -0.125f, 0.875f, 0.625f, 0.375f, -0.625f, 0.625f, -1, 0.125f, -0.25f, 1, -0.625f}),
             f32({1, 12}, {1, -0.875f, 0.25f, 0.125f, 0.875f, -0.375f, 0.875f, 0.375f, 0.875f, -0.625f, 0.5f, 1}),
             Tensor(), f32({1, 1, 2}, {-1, -0.25f})},
            {{"hidden_size", std::int64_t{2}}},
            {f32({2, 1, 1, 2}, {-0.4445903f, 0.38592017f, -0.30680233f, -0.12656236f}),
             f32({1, 1, 2}, {-0.30680233f, -0.12656236f})},
            2e-6},
           {"the reset gate applied to the product",
            {f32({2, 1, 2}, {-1, -0.875f, -0.25f, 0.75f}),
             f32({1, 6, 2},
                 {-0.25f, 0.625f, -0.375f, -0.5f, 0.625f, 0.75f, -0.875f, -1, 0.375f, -0.375f, 0.125f, -0.75f}),
             f32({1, 6, 2}, {0.75f, -0.125f, 0.875f, 0.625f, 0.375f, -0.625f, 0.625f, -1, 0.125f, -0.25f, 1, -0.625f}),
             f32({1, 12}, {1, -0.875f, 0.25f, 0.125f, 0.875f, -0.375f, 0.875f, 0.375f, 0.875f, -0.625f, 0.5f, 1}),
             Tensor(), f32({1, 1, 2}, {-1, -0.25f})},
            {{"linear_before_reset", std::int64_t{1}}},
            {f32({2, 1, 1, 2}, {-0.47519121f, 0.093152747f, -0.34215215f, -0.51174337f}),
             f32({1, 1, 2}, {-0.34215215f, -0.51174337f})},
            2e-6}};
     },
     nullptr, lower<Kind::gru>},
    {"", "RNN", 22, "A plain recurrent layer over sequences.", "X W R B? sequence_lens? initial_h?", "Y? Y_h?",
     float_types, of_rnn, infer<Kind::rnn>,
     [] {
       return Examples{{"two sequences of two steps",
                        {f32({2, 2, 1}, {0.25f, -0.875f, 0, 0.25f}), f32({1, 1, 1}, {0.5f}), f32({1, 1, 1}, {0.875f}),
                         f32({1, 2}, {-0.25f, -0.125f}), Tensor(), f32({1, 2, 1}, {0, 1})},
                        {{"hidden_size", std::int64_t{1}}},
                        {f32({2, 1, 2, 1}, {-0.24491864f, 0.062418818f, -0.52939475f, -0.19293469f}),
                         f32({1, 2, 1}, {-0.52939475f, -0.19293469f})},
                        2e-6},
                       {"both ways, the batch first, other functions",
                        {f32({1, 2, 1}, {-0.625f, 0}), f32({2, 1, 1}, {-1, -0.125f}), f32({2, 1, 1}, {1, 0.25f})},
                        {{"direction", std::string("bidirectional")},
                         {"layout", std::int64_t{1}},
                         {"activations", std::vector<std::string>{"Relu", "Affine"}},
                         {"activation_alpha", std::vector<float>{0.5f}},
                         {"activation_beta", std::vector<float>{0.25f}}},
                        {f32({1, 2, 2, 1}, {0.625f, 0.3203125f, 0.625f, 0.25f}), f32({1, 2, 1}, {0.625f, 0.3203125f})},
                        2e-6}};
     },
     nullptr, lower<Kind::rnn>},
};
constexpr OpRun runs[] = {
    {"", "LSTM", evaluate<Kind::lstm>}, {"", "GRU", evaluate<Kind::gru>}, {"", "RNN", evaluate<Kind::rnn>}};

}  // namespace

std::span<const OpDef> recurrent_ops() { return defs; }
std::span<const OpRun> recurrent_runs() { return runs; }

}  // namespace modelctl::ops
