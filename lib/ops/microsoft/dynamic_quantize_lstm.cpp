// DynamicQuantizeLSTM: an LSTM whose weights are bytes and whose activations become bytes while it runs. X is quantized
// once, over all of its elements, and the state at each step, over the whole batch, both as DynamicQuantizeLinear does;
// the products are sums of integers, and only a gate's sum is a float again. So a result of the float layer is not one
// of this one: each step's rounding is part of the operator. ONNX Runtime gives the same results with one thread; with
// more it quantizes the rows of a batch in parts, so that its results depend on the number of threads.
//
// Smallest runner: regular, since recurrent networks with weights of 8 bits are rare.
#include "ops/reference/recurrent.hpp"

#include "ops/reference/quantized.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <algorithm>
#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// W and R are transposed against ONNX's LSTM: [directions, input, 4 * hidden] and [directions, hidden, 4 * hidden]. So
// the hidden size is axis 1 of R, and a gate's weights are columns, in LSTM's order i, o, f, c.
Result<void> infer(Inference& call) {
  auto settings = recurrent_settings(Recurrence::lstm, call.attributes());
  if (!settings) return call.bad(settings.error().what);
  for (std::size_t index : {0u, 1u, 2u}) TRY(need_rank(call, index, 3, 3));
  const Shape *x = call.shape(0), *r = call.shape(2);
  Expr directions = static_cast<std::int64_t>(settings->directions);
  Expr steps = x != nullptr ? (*x)[0] : call.fresh_symbol(), batch = x != nullptr ? (*x)[1] : call.fresh_symbol();
  Expr hidden = r != nullptr ? (*r)[1] : call.fresh_symbol();
  for (std::size_t index = 0; index < call.node().outputs().size(); ++index) {
    if (call.node().output(index) == nullptr) continue;
    call.set_output(index, DType::f32,
                    index == 0 ? Shape{steps, directions, batch, hidden} : Shape{directions, batch, hidden});
  }
  return {};
}

// The weights of one direction, [rows, columns], less their zero points, with a scale for each column.
struct Weights {
  std::int64_t rows, columns;
  std::vector<std::int32_t> values;
  std::vector<float> scales;
};

// Direction `d` of inputs `index` (the bytes), `scale` and the one after it (the zero points), which have one element
// for the direction or one for each column.
Result<Weights> weights_of(const Call& call, std::size_t index, std::size_t scale, std::int64_t d, std::int64_t rows,
                           std::int64_t columns) {
  const TensorView &bytes = call.input(index), &scales = call.input(scale), &zeros = call.input(scale + 1);
  Weights weights{rows, columns, {}, {}};
  std::vector<double> all = TRY(numbers(bytes)), zero = TRY(numbers(zeros));
  const bool per_column = scales.rank() == 2;
  for (std::int64_t column = 0; column < columns; ++column) {
    weights.scales.push_back(scales.as<float>()[static_cast<std::size_t>(per_column ? d * columns + column : d)]);
  }
  const double* from = all.data() + d * rows * columns;
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    weights.values.push_back(static_cast<std::int32_t>(
        from[i] - zero[static_cast<std::size_t>(per_column ? d * columns + i % columns : d)]));
  }
  return weights;
}

// With a = s_a (q_a - z_a) and column j of the weights = s_j (q_ij - z_j),
//   sum over i of a_i w_ij = s_a s_j * (sum over i of (q_a,i - z_a) (q_ij - z_j)).
// The sum on the right is one of integers and exact: each factor is within 255 of 0, so 64 bits hold more than 10^14 of
// their products. The scales multiply once for each element of the result.
//
// Adds the product of `a`, rows of weights.rows floats, and the weights to `sums`. `a` is quantized to u8 first: its
// range, widened to include 0, is divided into 255 steps, and 0 is one of them exactly.
void add_product(std::span<const float> a, const Weights& weights, std::span<float> sums) {
  // Every comparison with NaN is false, so that it takes no part in the range; below it gets the level of 0. A tensor
  // of zeros has no range, and any scale represents it.
  float low = 0, high = 0;
  for (float value : a) low = std::min(low, value), high = std::max(high, value);
  float scale = (high - low) / 255;
  if (scale == 0) scale = 1;
  const float zero = std::nearbyint(std::clamp(-low / scale, 0.0f, 255.0f));
  const auto columns = static_cast<std::size_t>(weights.columns);
  std::vector<std::int64_t> products(columns);
  for (std::size_t row = 0; row * columns < sums.size(); ++row) {
    std::fill(products.begin(), products.end(), 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(weights.rows); ++i) {
      const float level = std::nearbyint(a[row * static_cast<std::size_t>(weights.rows) + i] / scale) + zero;
      const auto step = static_cast<std::int32_t>(level == level ? std::clamp(level, 0.0f, 255.0f) - zero : 0);
      const std::int32_t* values = weights.values.data() + i * columns;
      // A level of 0 adds nothing: the first step without an initial state costs no products.
      for (std::size_t j = 0; step != 0 && j < columns; ++j) products[j] += std::int64_t{step} * values[j];
    }
    for (std::size_t j = 0; j < columns; ++j) {
      sums[row * columns + j] += static_cast<float>(products[j]) * (scale * weights.scales[j]);
    }
  }
}

// Bytes of both weights, their scales and zero points, and the bias.
Result<void> check_weights(const Call& call, const RecurrentSizes& sizes) {
  const std::int64_t columns = TRY(checked_multiply(4, sizes.hidden)), directions = sizes.directions;
  const TensorView& w = call.input(1);
  if (w.type != DType::u8 && w.type != DType::i8) return refuse_type(w.type);
  TRY(need_dims(w, w.type, {directions, sizes.input, columns}, "W"));
  TRY(need_dims(call.input(2), w.type, {directions, sizes.hidden, columns}, "R"));
  TRY(need_dims(call.input(3), DType::f32, {directions, 2 * columns}, "B"));
  for (std::size_t index : {8u, 10u}) {
    const TensorView &scale = call.input(index), &zero = call.input(index + 1);
    if (!scale.present() || !zero.present()) return refuse("W and R must have scales and zero points");
    const Dims expected = scale.rank() == 2 ? Dims{directions, columns} : Dims{directions};
    TRY(need_dims(scale, DType::f32, expected, "a scale"));
    TRY(need_dims(zero, w.type, expected, "a zero point"));
  }
  return {};
}

// `count` floats of an input as f64 from `first` on; zeros if it is absent.
std::vector<double> doubles_of(const TensorView& view, std::int64_t first, std::int64_t count) {
  std::vector<double> values(static_cast<std::size_t>(count), 0.0);
  if (view.present()) std::copy_n(view.as<float>().data() + first, count, values.begin());
  return values;
}

// One direction, step by step over the whole batch, since all of its states are quantized together.
class Pass {
 public:
  Pass(const Call& call, const RecurrentSizes& sizes, const RecurrentSettings& settings, std::int64_t d)
      : call_(call), sizes_(sizes), settings_(settings), d_(d), columns_(4 * sizes.hidden) {}

  // y, h and c are null for outputs that are not wanted.
  Result<void> run(float* y, float* h, float* c) {
    const std::int64_t batch = sizes_.batch, n = sizes_.hidden;
    const Weights w = TRY(weights_of(call_, 1, 8, d_, sizes_.input, columns_));
    const Weights r = TRY(weights_of(call_, 2, 10, d_, n, columns_));
    // X is quantized as one tensor, its padded steps included, and does not depend on the recurrence: all steps at
    // once.
    of_inputs_.assign(static_cast<std::size_t>(sizes_.steps * batch * columns_), 0.0f);
    add_product(call_.input(0).as<float>(), w, of_inputs_);
    const std::vector<double> initial = doubles_of(call_.input(5), sizes_.state_at(d_, 0), batch * n);
    states_.assign(initial.begin(), initial.end());
    cells_ = doubles_of(call_.input(6), sizes_.state_at(d_, 0), batch * n);
    for (std::int64_t i = 0; i < sizes_.steps; ++i) {
      sums_.assign(static_cast<std::size_t>(batch * columns_), 0.0f);
      add_product(states_, r, sums_);
      // A sequence that has ended keeps its state, which still counts for the range of the batch.
      for (std::int64_t b = 0; b < batch; ++b) step(i, b, y);
    }
    if (h != nullptr) std::copy(states_.begin(), states_.end(), h + sizes_.state_at(d_, 0));
    if (c != nullptr) {
      std::transform(cells_.begin(), cells_.end(), c + sizes_.state_at(d_, 0),
                     [](double value) { return static_cast<float>(value); });
    }
    return {};
  }

 private:
  // Step `i` of sequence `b`. A reversed sequence is reversed within its length; zeros follow it.
  void step(std::int64_t i, std::int64_t b, float* y) {
    const std::int64_t n = sizes_.hidden, length = sizes_.length(call_.input(4), b);
    const bool backward = settings_.reverse || d_ == 1;
    const std::int64_t t = backward && i < length ? length - 1 - i : i;
    std::vector<double> gates = doubles_of(call_.input(3), 2 * d_ * columns_, columns_), h(static_cast<std::size_t>(n));
    const std::vector<double> of_state = doubles_of(call_.input(3), (2 * d_ + 1) * columns_, columns_);
    for (std::size_t j = 0; j < gates.size(); ++j) {
      gates[j] += of_state[j] +
                  static_cast<double>(of_inputs_[static_cast<std::size_t>((t * sizes_.batch + b) * columns_) + j]);
      gates[j] += static_cast<double>(sums_[static_cast<std::size_t>(b * columns_) + j]);
    }
    const auto at = static_cast<std::size_t>(b * n);
    // h is rounded to f32 in each step, since that is what the next step quantizes; c is never quantized, stays f64 and
    // is rounded once, after the last step.
    if (i < length) {
      const std::vector<double> peepholes = doubles_of(call_.input(7), 3 * d_ * n, 3 * n);
      lstm_step(settings_.functions.data() + 3 * d_, settings_.coupled, peepholes, gates,
                std::span(cells_).subspan(at, static_cast<std::size_t>(n)), h);
      std::transform(h.begin(), h.end(), states_.begin() + static_cast<std::ptrdiff_t>(at),
                     [](double value) { return static_cast<float>(value); });
    }
    if (y == nullptr) return;
    float* to = y + sizes_.y_at(t, d_, b);
    for (std::size_t j = 0; j < h.size(); ++j) to[j] = i < length ? static_cast<float>(h[j]) : 0;
  }

  const Call& call_;
  const RecurrentSizes& sizes_;
  const RecurrentSettings& settings_;
  std::int64_t d_, columns_;
  std::vector<float> of_inputs_, sums_, states_;
  std::vector<double> cells_;
};

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &r = call.input(2);
  if (x.type != DType::f32) return refuse_type(x.type);
  if (r.rank() != 3) return refuse("R must have rank 3");
  const RecurrentSettings settings = TRY(recurrent_settings(Recurrence::lstm, call.attributes));
  const RecurrentSizes sizes = TRY(recurrent_sizes(call, false, settings.directions, r.dim(1)));
  TRY(check_weights(call, sizes));
  float* to[3] = {nullptr, nullptr, nullptr};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!outputs.wanted(i)) continue;
    to[i] = TRY(outputs.allocate(i, DType::f32, i == 0 ? sizes.y_dims() : sizes.state_dims())).as<float>().data();
  }
  for (std::int64_t d = 0; d < sizes.directions; ++d) TRY(Pass(call, sizes, settings, d).run(to[0], to[1], to[2]));
  return {};
}

constexpr AttributeDef attributes[] = {{"activation_alpha", AttributeType::numbers, "as LSTM's"},
                                       {"activation_beta", AttributeType::numbers, "as LSTM's"},
                                       {"activations", AttributeType::texts, "as LSTM's"},
                                       {"clip", AttributeType::number, "as LSTM's"},
                                       text_choice("direction", recurrent_directions, "as LSTM's"),
                                       {"hidden_size", AttributeType::integer, "as LSTM's"},
                                       {"input_forget", AttributeType::integer, "as LSTM's"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "DynamicQuantizeLSTM",
        .since = 1,
        .summary = "LSTM with quantized weights, whose activations are quantized at each step.",
        .inputs = "X W:i8,u8 R:W B?:X sequence_lens?:i32 initial_h?:X initial_c?:X P?:X W_scale:f32 W_zero_point:W "
                  "R_scale:f32 R_zero_point:R",
        .outputs = "Y? Y_h? Y_c?",
        .types = "f32",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor none;
              return Examples{
                  {"two steps, scales for a direction and for each column",
                   {f32({2, 1, 2}, {0.75f, 0.25f, 0, -0.5f}),
                    u8({1, 2, 8}, {125, 121, 122, 131, 128, 136, 130, 129, 120, 120, 133, 135, 130, 132, 129, 135}),
                    u8({1, 2, 8}, {124, 131, 126, 129, 133, 134, 121, 120, 133, 120, 134, 120, 132, 122, 134, 129}),
                    none, none, none, none, none, f32({1}, {0.125f}), u8({1}, {128}),
                    f32({1, 8}, {0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f}),
                    u8({1, 8}, {128, 128, 128, 128, 128, 128, 128, 128})},
                   {{"hidden_size", std::int64_t{2}}},
                   {f32({2, 1, 1, 2}, {0.0318053402f, 0.054085765f, 0.00307317846f, -0.0848815218f}),
                    f32({1, 1, 2}, {0.00307317846f, -0.0848815218f}), f32({1, 1, 2}, {0.00713906437f, -0.226920456f})},
                   1e-7}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "DynamicQuantizeLSTM", evaluate}};

}  // namespace

std::span<const OpDef> dynamic_quantize_lstm_ops() { return defs; }
std::span<const OpRun> dynamic_quantize_lstm_runs() { return runs; }

}  // namespace modelctl::ops
