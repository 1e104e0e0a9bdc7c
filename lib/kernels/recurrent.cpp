// LSTM, GRU and RNN. The products of the input weights do not depend on the state, so they are one large product for
// all steps, and only the products of the state are computed step by step: that is what limits the speed.
#include "kernels/recurrent.hpp"

#include "base/check.hpp"
#include "kernels/product/product.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kernels {
namespace {

enum class Kind : std::uint8_t { lstm, gru, rnn };

struct Layer {
  Kind kind;
  std::int64_t steps, batch, input, hidden, directions, gates;
  bool batch_first, reverse, coupled, linear_before_reset;
  GateActivation functions[6];  // f, g, h of each direction

  std::int64_t width() const { return gates * hidden; }
  std::int64_t state() const { return batch * hidden; }
  // Floats of one direction's packed recurrent weights.
  std::int64_t recurrent() const {
    return kind == Kind::gru ? packed_size(hidden, 2 * hidden) + packed_size(hidden, hidden)
                             : packed_size(hidden, width());
  }
  std::int64_t bias() const { return (kind == Kind::gru ? 4 : gates) * hidden; }
};

class Recurrent final : public Bound {
 public:
  Recurrent(const Simd& simd, const Layer& layer)
      : simd_(simd),
        layer_(layer),
        of_inputs_(cut(simd, layer.steps * layer.batch, layer.input, layer.width())),
        of_state_(cut(simd, layer.batch, layer.hidden, layer.kind == Kind::gru ? 2 * layer.hidden : layer.width())),
        of_candidate_(cut(simd, layer.batch, layer.hidden, layer.hidden)) {}

  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(layer_.directions * per_direction()) * sizeof(float);
  }

  void run(const RunCall& call) const override {
    const Layer& l = layer_;
    float* scratch = reinterpret_cast<float*>(call.scratch);
    const std::int64_t blocks = of_inputs_.count();
    call.workers.for_each_tile(l.directions * blocks, [&](std::int64_t tile) {
      const std::int64_t direction = tile / blocks;
      const Product product{input(call, 0),
                            l.input,
                            input(call, 1) + direction * packed_size(l.input, l.width()),
                            scratch + direction * per_direction(),
                            l.width(),
                            input(call, 3) + direction * l.bias()};
      run_block(simd_, of_inputs_, product, {}, tile % blocks);
    });
    if (l.directions == 2 && of_state_.count() == 1) {  // steps too small to share: a direction for each thread
      call.workers.for_each_tile(2, [&](std::int64_t direction) {
        Alone alone;
        pass(call, direction, scratch + direction * per_direction(), alone);
      });
    } else {
      for (std::int64_t direction = 0; direction < l.directions; ++direction) {
        pass(call, direction, scratch + direction * per_direction(), call.workers);
      }
    }
  }

 private:
  static const float* input(const RunCall& call, std::size_t index) {
    return index < call.inputs.size() ? static_cast<const float*>(call.inputs[index]) : nullptr;
  }
  static float* output(const RunCall& call, std::size_t index) {
    return index < call.outputs.size() ? static_cast<float*>(call.outputs[index]) : nullptr;
  }

  // What the inputs give at all steps; gates, h, c and r * h of one.
  std::int64_t per_direction() const {
    const std::int64_t floats = (layer_.steps + 1) * layer_.batch * layer_.width() + 3 * layer_.state();
    return ceil_div(floats, panel_columns) * panel_columns;
  }

  void multiply(const Blocks& blocks, const Product& product, const Activation& activation, Workers& workers) const {
    if (blocks.count() == 1) return run_block(simd_, blocks, product, activation, 0);
    workers.for_each_tile(blocks.count(),
                          [&](std::int64_t index) { run_block(simd_, blocks, product, activation, index); });
  }

  // The states stand in memory as [D,B,H] or [B,D,H].
  std::int64_t state_at(std::int64_t direction, std::int64_t row) const {
    const Layer& l = layer_;
    return (l.batch_first ? row * l.directions + direction : direction * l.batch + row) * l.hidden;
  }
  void read_state(const float* from, std::int64_t direction, float* to) const {
    const auto bytes = static_cast<std::size_t>(layer_.hidden) * sizeof(float);
    for (std::int64_t row = 0; row < layer_.batch; ++row) {
      if (from == nullptr) std::memset(to + row * layer_.hidden, 0, bytes);
      else std::memcpy(to + row * layer_.hidden, from + state_at(direction, row), bytes);
    }
  }
  void write_state(const float* from, std::int64_t direction, float* to) const {
    for (std::int64_t row = 0; to != nullptr && row < layer_.batch; ++row) {
      std::memcpy(to + state_at(direction, row), from + row * layer_.hidden,
                  static_cast<std::size_t>(layer_.hidden) * sizeof(float));
    }
  }

  // All steps of one direction.
  void pass(const RunCall& call, std::int64_t direction, float* projected, Workers& workers) const {
    const Layer& l = layer_;
    float* gates = projected + l.steps * l.batch * l.width();
    float* h = gates + l.batch * l.width();
    float* c = h + l.state();
    float* hidden = c + l.state();
    read_state(input(call, 4), direction, h);
    read_state(l.kind == Kind::lstm ? input(call, 5) : nullptr, direction, c);
    const float* weights = input(call, 2) + direction * l.recurrent();
    const float* reset_after_bias = l.linear_before_reset ? input(call, 3) + direction * l.bias() + l.width() : nullptr;
    const float* peepholes = l.kind == Kind::lstm ? input(call, 6) : nullptr;
    if (peepholes != nullptr) peepholes += direction * 3 * l.hidden;
    const GateActivation* f = l.functions + 3 * direction;
    float* y = output(call, 0);
    // From one row of the batch to the next, in what the inputs give and in Y.
    const std::int64_t row_step = (l.batch_first ? l.steps : 1) * l.width();
    const std::int64_t y_step = (l.batch_first ? l.steps * l.directions : 1) * l.hidden;

    for (std::int64_t step = 0; step < l.steps; ++step) {
      const std::int64_t t = l.reverse != (direction == 1) ? l.steps - 1 - step : step;
      const float* x = projected + (l.batch_first ? t : t * l.batch) * l.width();
      float* out = y == nullptr ? nullptr : y + (t * l.directions + direction) * (l.batch_first ? l.hidden : l.state());
      const auto out_row = [&](std::int64_t row) { return out == nullptr ? nullptr : out + row * y_step; };
      Product product{h, l.hidden, weights, gates, l.width(), nullptr, x, row_step};
      if (l.kind == Kind::rnn) {
        multiply(of_state_, product, {-f->clip, f->clip, f->function, f->alpha, f->beta}, workers);
        std::swap(gates, h);  // of one size: there is one gate
        for (std::int64_t row = 0; out != nullptr && row < l.batch; ++row) {
          std::copy_n(h + row * l.hidden, l.hidden, out_row(row));
        }
        continue;
      }
      multiply(of_state_, product, {}, workers);
      if (l.kind == Kind::lstm) {
        for (std::int64_t row = 0; row < l.batch; ++row) {
          const std::int64_t at = row * l.hidden;
          simd_.lstm_cell({l.hidden, f[0], f[1], f[2], l.coupled, peepholes, gates + row * l.width(), c + at, h + at,
                           out_row(row)});
        }
        continue;
      }
      const auto cell = [&](std::int64_t row, const float* candidate) {
        const std::int64_t at = row * l.hidden;
        return GruCell{l.hidden,
                       f[0],
                       f[1],
                       gates + row * l.width(),
                       l.linear_before_reset ? x + row * row_step + 2 * l.hidden : nullptr,
                       hidden + at,
                       candidate + at,
                       h + at,
                       out_row(row)};
      };
      for (std::int64_t row = 0; row < l.batch; ++row) simd_.gru_gates(cell(row, c));
      Product candidate{l.linear_before_reset ? h : hidden,
                        l.hidden,
                        weights + packed_size(l.hidden, 2 * l.hidden),
                        c,
                        l.hidden,
                        reset_after_bias};
      if (!l.linear_before_reset) candidate.residual = x + 2 * l.hidden, candidate.residual_step = row_step;
      multiply(of_candidate_, candidate, {}, workers);
      for (std::int64_t row = 0; row < l.batch; ++row) simd_.gru_cell(cell(row, c));
    }
    write_state(h, direction, output(call, 1));
    if (l.kind == Kind::lstm) write_state(c, direction, output(call, 2));
  }

  const Simd& simd_;
  Layer layer_;
  Blocks of_inputs_, of_state_, of_candidate_;
};

Result<void> read_functions(const Operands& operands, const Attributes& attributes, Layer& layer) {
  struct Row {
    std::string_view name;
    Unary function;
  };
  static constexpr Row table[] = {{"sigmoid", Unary::sigmoid},
                                  {"tanh", Unary::tanh},
                                  {"relu", Unary::relu},
                                  {"leaky_relu", Unary::leaky_relu},
                                  {"hard_sigmoid", Unary::hard_sigmoid}};
  const auto& names = attributes.texts("functions");
  const auto &alphas = attributes.numbers("alphas"), &betas = attributes.numbers("betas");
  const auto count = static_cast<std::size_t>(3 * layer.directions);
  if (names.size() != count || alphas.size() != count || betas.size() != count) {
    return operands.refuse("there are not three functions for each direction");
  }
  const float clip = TRY(operands.number("clip", __builtin_inff()));
  for (std::size_t i = 0; i < count; ++i) {
    const Row* row = std::find_if(std::begin(table), std::end(table), [&](const Row& r) { return r.name == names[i]; });
    if (row == std::end(table)) return operands.refuse("there is no function '" + names[i] + "'");
    const float bound = i % 3 == 2 ? __builtin_inff() : clip;  // h is given no gate's sum, but the cell
    layer.functions[i] = {row->function, alphas[i], betas[i], bound};
  }
  return {};
}

template <Kind kind>
Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  constexpr bool lstm = kind == Kind::lstm;
  const Operands operands(lstm ? "lstm_f32" : kind == Kind::gru ? "gru_f32" : "rnn_f32", call);
  if (call.outputs.empty()) return operands.refuse("it has no output");
  // Any output may be absent, the first included, which `floats` does not know.
  std::vector<TensorView> outputs(call.outputs.begin(), call.outputs.end());
  for (const TensorView& output : call.outputs) {
    if (!outputs[0].present()) outputs[0] = output;
  }
  const BindCall checked{call.attributes, call.inputs, outputs, call.cpu};
  TRY(Operands(lstm ? "lstm_f32" : "gru_f32", checked).floats(4, lstm ? 7 : 5, lstm ? 3 : 2));
  const TensorView& x = call.inputs[0];
  if (x.rank() != 3) return operands.refuse("X has not three dimensions");
  Layer layer{};
  layer.kind = kind;
  layer.gates = lstm ? 4 : kind == Kind::gru ? 3 : 1;
  const auto flag = [&](std::string_view name) { return call.attributes.integer(name) != 0; };
  layer.batch_first = flag("batch_first");
  layer.reverse = flag("reverse");
  layer.coupled = flag("coupled");
  layer.linear_before_reset = flag("linear_before_reset");
  layer.steps = x.dim(layer.batch_first ? 1 : 0);
  layer.batch = x.dim(layer.batch_first ? 0 : 1);
  layer.input = x.dim(2);
  layer.hidden = TRY(operands.integer("hidden", 0));
  layer.directions = TRY(operands.integer("directions", 1));
  if (layer.hidden < 1 || layer.hidden > (1 << 20)) return operands.refuse("the hidden size is out of bounds");
  if (layer.directions < 1 || layer.directions > 2) return operands.refuse("there are one or two directions");
  const auto bytes = byte_size(DType::f32, Dims{layer.directions, layer.steps + 1, layer.batch, 4 * layer.hidden});
  if (!bytes || *bytes > largest_operand) return operands.refuse("the steps take too much memory");
  TRY(read_functions(operands, call.attributes, layer));

  const std::int64_t d = layer.directions, b = layer.batch, h = layer.hidden;
  TRY(operands.dims("W", call.inputs[1], {d * packed_size(layer.input, layer.width())}));
  TRY(operands.dims("R", call.inputs[2], {d * layer.recurrent()}));
  TRY(operands.dims("the bias", call.inputs[3], {d, layer.bias()}));
  const Dims state = layer.batch_first ? Dims{b, d, h} : Dims{d, b, h};
  for (std::size_t i = 4; i < 6; ++i) {
    if (operands.has(i)) TRY(operands.dims("a state", call.inputs[i], state));
  }
  if (operands.has(6)) TRY(operands.dims("the peepholes", call.inputs[6], {d, 3 * h}));
  const Dims y = layer.batch_first ? Dims{b, layer.steps, d, h} : Dims{layer.steps, d, b, h};
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    if (call.outputs[i].present()) TRY(operands.dims("an output", call.outputs[i], i == 0 ? y : state));
  }
  return std::make_unique<Recurrent>(simd(call.cpu.isa), layer);
}

constexpr KernelDef table[] = {
    {"gru_f32", bind<Kind::gru>}, {"lstm_f32", bind<Kind::lstm>}, {"rnn_f32", bind<Kind::rnn>}};

}  // namespace

Tensor pack_recurrent_weights(const TensorView& weights, std::int64_t split) {
  MODELCTL_CHECK(weights.type == DType::f32 && weights.rank() == 3, "recurrent weights are f32 of three dimensions");
  const std::int64_t rows = weights.dim(1), n = weights.dim(2);
  const std::int64_t each = packed_size(n, split) + packed_size(n, rows - split);
  Tensor packed(DType::f32, {weights.dim(0) * each});
  float* to = packed.mutable_view().as<float>().data();
  const auto pack = [&](const float* from, std::int64_t count) {
    for (std::int64_t panel = 0; panel < ceil_div(count, panel_columns); ++panel, to += panel_columns * n) {
      pack_panel(from, 1, n, n, count, panel, 1.0f, to);
    }
  };
  for (std::int64_t direction = 0; direction < weights.dim(0); ++direction) {
    const float* from = weights.as<float>().data() + direction * rows * n;
    pack(from, split);
    pack(from + split * n, rows - split);
  }
  return packed;
}

std::span<const KernelDef> recurrent_kernels() { return table; }

}  // namespace modelctl::kernels
