// DynamicQuantizeLSTM: an LSTM whose weights are bytes. They are dequantized, and the layer runs on floats: what ONNX
// Runtime rounds besides, inputs and states of each step, stays as it is.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Node;
using graph::Shape;
using graph::Value;

Result<void> infer(Inference& call) {
  for (std::size_t index : {0u, 1u, 2u}) TRY(need_rank(call, index, 3, 3));
  const Shape *x = call.shape(0), *r = call.shape(2);
  Expr directions = call.attributes().text("direction", "forward") == "bidirectional" ? 2 : 1;
  Expr steps = x != nullptr ? (*x)[0] : call.fresh_symbol(), batch = x != nullptr ? (*x)[1] : call.fresh_symbol();
  Expr hidden = r != nullptr ? (*r)[1] : call.fresh_symbol();
  for (std::size_t index = 0; index < call.node().outputs().size(); ++index) {
    if (call.node().output(index) == nullptr) continue;
    call.set_output(index, DType::f32,
                    index == 0 ? Shape{steps, directions, batch, hidden} : Shape{directions, batch, hidden});
  }
  return {};
}

// [directions, rows, 4 * hidden] of bytes as LSTM's [directions, 4 * hidden, rows] of f32: now, where that can be.
Result<Value*> weights(Rewrite& to, const Node& node, std::size_t bytes, std::size_t scale) {
  auto apply = [&](std::string_view op, std::vector<Value*> inputs, Attributes attributes = {}) -> Result<Value*> {
    std::vector<TensorView> views;
    for (const Value* input : inputs) {
      if (!input->is_constant()) return to.add(op, std::move(inputs), std::move(attributes));
      views.push_back(input->constant.view());
    }
    return to.constant(std::move(TRY(evaluate("", op, attributes, views, 1))[0]));
  };
  const Attributes floats{{"to", static_cast<std::int64_t>(DType::f32)}};
  // One for each direction, or for each of its columns.
  auto spread = [&](Value* value) -> Result<Value*> {
    if (!value->type.shape) return to.bad("the rank of a scale or zero point is unknown");
    return apply("Unsqueeze", {value, to.ints(value->type.shape->size() == 1 ? Dims{1, 2} : Dims{1})});
  };
  Value* zero = TRY(apply("Cast", {TRY(spread(node.input(scale + 1)))}, floats));
  Value* steps = TRY(apply("Sub", {TRY(apply("Cast", {node.input(bytes)}, floats)), zero}));
  Value* all = TRY(apply("Mul", {steps, TRY(spread(node.input(scale)))}));
  return apply("Transpose", {all}, {{"perm", Dims{0, 2, 1}}});
}

Result<void> decompose(Node& node) {
  Rewrite to(node);
  Value *w = TRY(weights(to, node, 1, 8)), *r = TRY(weights(to, node, 2, 10));
  std::vector<std::string> names;
  for (const Value* output : node.outputs()) names.push_back(output == nullptr ? "" : output->name + ".float");
  Node* made = TRY(to.add_node(
      "", "LSTM", {node.input(0), w, r, node.input(3), node.input(4), node.input(5), node.input(6), node.input(7)},
      node.attributes, names));
  to.finish(made->outputs());
  return {};
}

constexpr AttributeDef attributes[] = {
    {"activation_alpha", AttributeType::numbers, "as LSTM's"}, {"activation_beta", AttributeType::numbers, "as LSTM's"},
    {"activations", AttributeType::texts, "as LSTM's"},        {"clip", AttributeType::number, "as LSTM's"},
    {"direction", AttributeType::text, "as LSTM's"},           {"hidden_size", AttributeType::integer, "as LSTM's"},
    {"input_forget", AttributeType::integer, "as LSTM's"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "DynamicQuantizeLSTM",
        .since = 1,
        .summary = "LSTM with quantized weights, which runs on floats.",
        .inputs = "X W:i8,u8 R:W B?:X sequence_lens?:i32 initial_h?:X initial_c?:X P?:X W_scale:f32 W_zero_point:W "
                  "R_scale:f32 R_zero_point:R",
        .outputs = "Y? Y_h? Y_c?",
        .types = "f32",
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
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
                   {f32({2, 1, 1, 2}, {0.03180534f, 0.054085765f, 0.003075419f, -0.084879614f}),
                    f32({1, 1, 2}, {0.003075419f, -0.084879614f}), f32({1, 1, 2}, {0.007144259f, -0.22691534f})},
                   2e-6}};
            },
    },
};

}  // namespace

std::span<const OpDef> dynamic_quantize_lstm_ops() { return defs; }
std::span<const OpRun> dynamic_quantize_lstm_runs() { return {}; }

}  // namespace modelctl::ops
