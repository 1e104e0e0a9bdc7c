// LSTM, GRU and RNN: schemas, inference and lowering. The cells and the meaning of every attribute are in
// reference/recurrent.hpp, which is also what runs if there is no kernel for a form.
//
// The recurrences, where X is the input of a step, H and C the states, * a product with a transposed matrix and . one
// by elements; f, g and h are the activations, and each sum includes the biases of its gate:
//
//   LSTM  in = f(X*Wi + H*Ri + Pi.C), forget = f(X*Wf + H*Rf + Pf.C), cell = g(X*Wc + H*Rc)
//         C' = forget.C + in.cell, out = f(X*Wo + H*Ro + Po.C'), H' = out.h(C')
//   GRU   z = f(X*Wz + H*Rz), r = f(X*Wr + H*Rr)
//         n = g(X*Wh + (r.H)*Rh), or g(X*Wh + r.(H*Rh)) with linear_before_reset
//         H' = (1 - z).n + z.H
//   RNN   H' = f(X*W + H*R)
//
// Gates are stacked in ONNX's order: i o f c, and z r h. A bidirectional layer has both directions along the first axis
// of each weight; the second one runs from the last step to the first.
#include "kernels/recurrent.hpp"
#include "ops/reference/recurrent.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

#include <algorithm>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// Biases and peepholes, [directions, size]: lower reads as many of them. It reads constants without another check, so
// an operand of the wrong size must not pass here.
Result<void> need_size(Inference& call, std::size_t index, const Expr& directions, const Expr& size,
                       std::string_view what) {
  const Shape* shape = call.shape(index);
  if (shape == nullptr) return {};
  if (shape->size() != 2) return call.bad(std::string(what) + " must have rank 2");
  TRY(same_size(call, (*shape)[0], directions));
  TRY(same_size(call, (*shape)[1], size));
  return {};
}

// X is [steps, batch, input], W [directions, gates * hidden, input], R [directions, gates * hidden, hidden]; layout 1
// puts the batch first. hidden_size is optional and must agree with R.
template <Recurrence kind>
Result<void> infer(Inference& call) {
  auto settings = recurrent_settings(kind, call.attributes());
  if (!settings) return call.bad(settings.error().what);
  for (std::size_t index = 0; index < 3; ++index) TRY(need_rank(call, index, 3, 3));
  DType element = TRY(common_element(call, {0, 1, 2, 3, 5, 6, 7}));
  const Shape *x = call.shape(0), *w = call.shape(1), *r = call.shape(2);
  Expr directions = static_cast<std::int64_t>(settings->directions);
  // R is [directions, gates * hidden, hidden]: its last axis is the state's size even if the attribute is absent.
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
  // B is W's and R's biases one after the other; P has one peephole each for i, o and f.
  TRY(need_size(call, 3, directions, rows * 2, "B"));
  TRY(need_size(call, 7, directions, hidden * 3, "P"));
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

// The sum of W's and R's biases, which every gate adds up anyway; with `apart`, GRU's recurrent bias of the hidden gate
// is appended instead of added, since r multiplies it together with H*Rh: n = g(X*Wh + Wb + r.(H*Rh + Rb)). From
// [directions, 2 * gates * hidden] to [directions, gates * hidden], for GRU always [directions, 4 * hidden]. An absent
// bias is zeros.
Tensor join_bias(const Tensor* bias, Recurrence kind, std::int64_t directions, std::int64_t hidden, bool apart) {
  const std::int64_t gates = gates_of(kind), rows = gates * hidden, width = kind == Recurrence::gru ? 4 * hidden : rows;
  Tensor joined(DType::f32, {directions, width});
  if (bias == nullptr) return joined;
  const float* from = bias->as<float>().data();
  float* to = joined.mutable_view().as<float>().data();
  for (std::int64_t d = 0; d < directions; ++d, from += 2 * rows, to += width) {
    for (std::int64_t i = 0; i < rows; ++i) {
      bool appended = apart && i >= 2 * hidden;
      to[i] = from[i] + (appended ? 0 : from[rows + i]);
      if (appended) to[hidden + i] = from[rows + i];
    }
  }
  return joined;
}

// Constant weights are packed when the model is built. Layers that the kernels do not support run in evaluate: weights
// that are computed, activations that have no kernel, and sequences that differ in length.
template <Recurrence kind>
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  const Tensor *w = call.constant(1), *r = call.constant(2), *bias = call.constant(3), *peepholes = call.constant(7);
  if (!call.plain_f32(0) || w == nullptr || r == nullptr || r->dims()[2] == 0) return false;
  if ((node.input(3) != nullptr && bias == nullptr) || (node.input(7) != nullptr && peepholes == nullptr)) return false;
  RecurrentSettings settings = TRY(recurrent_settings(kind, node.attributes));
  // Exporters pass sequence_lens even if every sequence has all steps; then they change nothing. The kernel does not
  // take other lengths: shorter sequences would need masks, and the backward direction a start of its own for each.
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
  // The kernels take three functions for each direction, whatever the kind.
  for (std::size_t i = 0; i < 3 * settings.directions; ++i) {
    std::size_t each = functions_of(kind),
                of = i / 3 * each + std::min(i % 3, each - 1);  // the last function is repeated
    const GateActivation& activation = settings.functions[of];
    const RecurrentFunctionDef& def = recurrent_functions[static_cast<std::size_t>(activation.function)];
    if (def.kernel.empty()) return false;
    names.emplace_back(def.kernel);
    alphas.push_back(activation.alpha);
    betas.push_back(activation.beta);
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
  const bool apart = kind == Recurrence::gru && settings.linear_before_reset;
  if (apart) attributes.set("linear_before_reset", flag(true));
  if (kind == Recurrence::lstm && settings.coupled) attributes.set("coupled", flag(true));
  std::vector<Lowering::Operand> operands = {
      node.input(0), kernels::pack_recurrent_weights(w->view()),
      kernels::pack_recurrent_weights(r->view(), kind == Recurrence::gru ? 2 * hidden : 0),
      join_bias(bias, kind, static_cast<std::int64_t>(settings.directions), hidden, apart), node.input(5)};
  if (kind == Recurrence::lstm) {
    operands.emplace_back(node.input(6));
    operands.emplace_back(node.input(7));
  }
  constexpr std::string_view kernels[] = {"lstm_f32", "gru_f32", "rnn_f32"};
  call.emit(kernels[static_cast<std::size_t>(kind)], std::move(operands), std::move(attributes));
  return true;
}

template <Recurrence kind>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  return run_recurrent(kind, call, outputs);
}

constexpr AttributeDef activation_alpha = {
    "activation_alpha", AttributeType::numbers,
    "for the activations that have an alpha, in order; their defaults if absent"};
constexpr AttributeDef activation_beta = {"activation_beta", AttributeType::numbers, "the same for beta"};
constexpr AttributeDef activation_names = {"activations", AttributeType::texts,
                                           "the functions of each direction, in the order f g h"};
constexpr AttributeDef clip = {"clip", AttributeType::number, "bound of the gates' sums; none if absent"};
constexpr AttributeDef direction = text_choice("direction", recurrent_directions, "in which order steps are taken");
constexpr AttributeDef hidden_size = {"hidden_size", AttributeType::integer, "the state's size: R's last"};
constexpr AttributeDef layout = {"layout", AttributeType::integer, "0, if absent: time first; 1: batch first"};
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
                                    "1: the reset gate is applied to the product; 0 if absent: to the state"}};
constexpr AttributeDef of_lstm[] = {
    activation_alpha,
    activation_beta,
    activation_names,
    clip,
    direction,
    hidden_size,
    {"input_forget", AttributeType::integer, "1: the forget gate is 1 less the input gate; 0 if absent"},
    layout};

constexpr OpDef defs[] = {
    {
        .name = "LSTM",
        .since = 22,
        .summary = "A layer of long short-term memory over sequences.",
        .inputs = "X W:X R:X B?:X sequence_lens?:i32 initial_h?:X initial_c?:X P?:X",
        .outputs = "Y? Y_h? Y_c?",
        .types = float_types,
        .attributes = of_lstm,
        .infer = infer<Recurrence::lstm>,
        .short_floats = ShortFloats::widen,
        .lower = lower<Recurrence::lstm>,
        .examples =
            [] {
              return Examples{
                  {"two steps, a bias, all outputs",
                   {f32({2, 1, 2}, {0.75f, 0.25f, 0, -0.5f}),
                    f32({1, 8, 2}, {-0.375f, -1, -0.875f, -1, -0.75f, 0.625f, 0.375f, 0.875f, 0, 0.25f, 1, 0.5f, 0.25f,
                                    0.125f, 0.125f, 0.875f}),
                    f32({1, 8, 2}, {-0.5f, 0.625f, 0.375f, -1, -0.25f, 0.75f, 0.125f, -1, 0.625f, 0.5f, 0.75f, -0.75f,
                                    -0.875f, 0.75f, -1, 0.125f}),
                    f32({1, 16}, {-0.875f, -0.375f, 0, -0.125f, -0.25f, -1, -1, -0.75f, -1, 0.375f, 0, 0.375f, -0.5f,
                                  0.25f, 0.5f, -0.25f})},
                   {{"hidden_size", std::int64_t{2}}},
                   {f32({2, 1, 1, 2}, {-0.0090598408f, -0.1154277f, -0.045837253f, -0.2684015f}),
                    f32({1, 1, 2}, {-0.045837253f, -0.2684015f}), f32({1, 1, 2}, {-0.11449807f, -0.62874627f})},
                   2e-6},
                  {"both ways, lengths, first states and peepholes",
                   {f32({2, 2, 1}, {-0.125f, 1, 0.625f, 1}),
                    f32({2, 4, 1}, {-0.25f, 0.375f, 1, 0.375f, 0.75f, 0.375f, 0.375f, -0.25f}),
                    f32({2, 4, 1}, {0.75f, -0.75f, 0.125f, 0.5f, 0.75f, 0, -0.25f, -0.375f}), Tensor(),
                    i32({2}, {1, 2}), f32({2, 2, 1}, {-0.125f, 0, 0.5f, 0.875f}),
                    f32({2, 2, 1}, {-0.875f, 0.875f, 0.125f, -0.25f}),
                    f32({2, 3}, {0.375f, 0.125f, -0.5f, -0.375f, 0.5f, 0.25f})},
                   {{"direction", std::string("bidirectional")}},
                   {f32({2, 2, 2, 1},
                        {-0.24607591f, 0.38818559f, -0.013773765f, -0.2156591f, 0, 0.35956454f, 0, -0.26508468f}),
                    f32({2, 2, 1}, {-0.24607591f, 0.35956454f, -0.013773765f, -0.2156591f}),
                    f32({2, 2, 1}, {-0.54593349f, 0.7911697f, -0.028422803f, -0.42211217f})},
                   2e-6},
                  {"backward, bounded, the forget gate coupled, other functions",
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
    },
    {
        .name = "GRU",
        .since = 22,
        .summary = "A layer of gated recurrent units over sequences.",
        .inputs = "X W:X R:X B?:X sequence_lens?:i32 initial_h?:X",
        .outputs = "Y? Y_h?",
        .types = float_types,
        .attributes = of_gru,
        .infer = infer<Recurrence::gru>,
        .short_floats = ShortFloats::widen,
        .lower = lower<Recurrence::gru>,
        .examples =
            [] {
              const std::vector<Tensor> operands{
                  f32({2, 1, 2}, {-1, -0.875f, -0.25f, 0.75f}),
                  f32({1, 6, 2},
                      {-0.25f, 0.625f, -0.375f, -0.5f, 0.625f, 0.75f, -0.875f, -1, 0.375f, -0.375f, 0.125f, -0.75f}),
                  f32({1, 6, 2},
                      {0.75f, -0.125f, 0.875f, 0.625f, 0.375f, -0.625f, 0.625f, -1, 0.125f, -0.25f, 1, -0.625f}),
                  f32({1, 12}, {1, -0.875f, 0.25f, 0.125f, 0.875f, -0.375f, 0.875f, 0.375f, 0.875f, -0.625f, 0.5f, 1}),
                  Tensor(),
                  f32({1, 1, 2}, {-1, -0.25f})};
              return Examples{{"two steps from a state",
                               operands,
                               {{"hidden_size", std::int64_t{2}}},
                               {f32({2, 1, 1, 2}, {-0.4445903f, 0.38592017f, -0.30680233f, -0.12656236f}),
                                f32({1, 1, 2}, {-0.30680233f, -0.12656236f})},
                               2e-6},
                              {"the reset gate applied to the product",
                               operands,
                               {{"linear_before_reset", std::int64_t{1}}},
                               {f32({2, 1, 1, 2}, {-0.47519121f, 0.093152747f, -0.34215215f, -0.51174337f}),
                                f32({1, 1, 2}, {-0.34215215f, -0.51174337f})},
                               2e-6}};
            },
    },
    {
        .name = "RNN",
        .since = 22,
        .summary = "A plain recurrent layer over sequences.",
        .inputs = "X W:X R:X B?:X sequence_lens?:i32 initial_h?:X",
        .outputs = "Y? Y_h?",
        .types = float_types,
        .attributes = of_rnn,
        .infer = infer<Recurrence::rnn>,
        .short_floats = ShortFloats::widen,
        .lower = lower<Recurrence::rnn>,
        .examples =
            [] {
              return Examples{
                  {"two sequences of two steps",
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
    },
};
constexpr OpRun runs[] = {{"", "LSTM", evaluate<Recurrence::lstm>},
                          {"", "GRU", evaluate<Recurrence::gru>},
                          {"", "RNN", evaluate<Recurrence::rnn>}};

}  // namespace

std::span<const OpDef> recurrent_ops() { return defs; }
std::span<const OpRun> recurrent_runs() { return runs; }

}  // namespace modelctl::ops
