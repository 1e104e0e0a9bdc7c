// Layer normalization fused with what stands before it (a residual, a bias, embeddings), as ONNX Runtime's optimizer
// and its transformer tools write it. All are decomposed into Add, Gather and ONNX's normalizations. "Simplified" is
// ONNX Runtime's name for RMS normalization: no mean, no shift.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Node;
using graph::Shape;
using graph::Value;

// Over the last axis, of n elements, with gamma and beta of its size:
//   LayerNormalization  y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//   RMSNormalization    y = x / sqrt(mean of x² + epsilon) * gamma   (Zhang and Sennrich, 2019)
// An epsilon of 1e-12 is far below what f32 resolves beside an ordinary variance: it only keeps the divisor of a row of
// equal elements off 0.
constexpr float of_skip = 1e-12f;  // the default epsilon of the skip and embedding forms

Attributes layer_attributes(const Node& node, float epsilon) {
  return {{"axis", node.attributes.integer("axis", -1)}, {"epsilon", node.attributes.number("epsilon", epsilon)}};
}

// Outputs 1 and 2 are the mean and the inverse standard deviation of each row; output 3 is the sum that was normalized,
// which the next block takes as its residual.
Result<void> infer_skip(Inference& call) {
  const Node& node = call.node();
  TRY(infer_same(call));
  const Shape* x = call.shape(0);
  std::optional<Shape> rows;
  if (x != nullptr && !x->empty()) {
    rows = *x;
    rows->back() = 1;
  }
  for (std::size_t index : {1u, 2u}) {
    if (node.output(index) != nullptr) call.set_output(index, DType::f32, rows);
  }
  if (node.output(3) != nullptr) {
    call.set_output(3, call.element(0), x == nullptr ? std::nullopt : std::optional(*x));
  }
  return {};
}

// input + skip + bias
// In this order, since float addition is not associative. Add broadcasts a skip with a batch of 1 or without a batch.
Result<Value*> sum_of(Rewrite& rewrite, const Node& node, std::size_t bias) {
  Value* sum = TRY(rewrite.add("Add", {node.input(0), node.input(1)}));
  if (node.input(bias) != nullptr) sum = TRY(rewrite.add("Add", {sum, node.input(bias)}));
  return sum;
}

// SkipLayerNormalization
Result<void> skip(Node& node) {
  Rewrite rewrite(node);
  Value* sum = TRY(sum_of(rewrite, node, 4));
  auto named = [&](std::size_t index) { return std::string(node.output(index) == nullptr ? "" : "statistics"); };
  Node* layer = TRY(rewrite.add_node("", "LayerNormalization", {sum, node.input(2), node.input(3)},
                                     layer_attributes(node, of_skip), {"normalized", named(1), named(2)}));
  rewrite.finish({layer->output(0), layer->output(1), layer->output(2), sum});
  return {};
}

// 1 / sqrt(mean of squares + epsilon) over the axes from `axis` on, in f32 whatever x is: training keeps it for
// gradients.
Result<Value*> inverse_root(Rewrite& rewrite, const Node& node, Value* x, float epsilon) {
  // 256² is more than an f16 can hold: squares must be taken in f32.
  Value* wide = TRY(rewrite.add("Cast", {x}, {{"to", static_cast<std::int64_t>(DType::f32)}}));
  Value* squares = TRY(rewrite.add("Mul", {wide, wide}));
  if (!x->type.shape) return rewrite.bad("the rank of its input is unknown");
  // ReduceMean lists its axes, where the attribute names the first one; a negative one counts from the end.
  std::vector<std::int64_t> axes;
  auto rank = static_cast<std::int64_t>(x->type.shape->size());
  std::int64_t first = node.attributes.integer("axis", -1);
  for (std::int64_t axis = first < 0 ? first + rank : first; axis < rank; ++axis) axes.push_back(axis);
  Value* mean = TRY(rewrite.add("ReduceMean", {squares, rewrite.ints(axes)}));
  float added = node.attributes.number("epsilon", epsilon);
  Value* sum = TRY(rewrite.add("Add", {mean, rewrite.number(DType::f32, static_cast<double>(added))}));
  return rewrite.add("Reciprocal", {TRY(rewrite.add("Sqrt", {sum}))});
}

// SkipSimplifiedLayerNormalization. The mean is an output although the normalization does not need it.
Result<void> skip_simplified(Node& node) {
  Rewrite rewrite(node);
  Value* sum = TRY(sum_of(rewrite, node, 3));
  Value* mean = nullptr;
  if (node.output(1) != nullptr) {
    mean = TRY(rewrite.add("Cast", {sum}, {{"to", static_cast<std::int64_t>(DType::f32)}}));
    mean = TRY(rewrite.add("ReduceMean", {mean, rewrite.ints({-1})}));
  }
  Value* inverse = node.output(2) == nullptr ? nullptr : TRY(inverse_root(rewrite, node, sum, of_skip));
  Value* y = TRY(rewrite.add("RMSNormalization", {sum, node.input(2)}, layer_attributes(node, of_skip)));
  rewrite.finish({y, mean, inverse, sum});
  return {};
}

// SimplifiedLayerNormalization: the output has the scale's type, which may differ from x's.
Result<void> infer_simplified(Inference& call) {
  const Shape* x = call.shape(0);
  DType element = call.element(1) == DType::undefined ? call.element(0) : call.element(1);
  call.set_output(0, element, x == nullptr ? std::nullopt : std::optional(*x));
  if (call.node().output(1) == nullptr || x == nullptr) return {};
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis", -1), x->size()));
  Shape rows = *x;
  std::fill(rows.begin() + static_cast<std::ptrdiff_t>(axis), rows.end(), graph::Expr(1));
  call.set_output(1, DType::f32, std::move(rows));
  return {};
}

Result<void> simplified(Node& node) {
  Rewrite rewrite(node);
  constexpr float epsilon = 1e-5f;
  Value *x = node.input(0), *scale = node.input(1);
  Value* inverse = node.output(1) == nullptr ? nullptr : TRY(inverse_root(rewrite, node, x, epsilon));
  if (x->type.element != scale->type.element) x = TRY(rewrite.add("CastLike", {x, scale}));
  rewrite.finish({TRY(rewrite.add("RMSNormalization", {x, scale}, layer_attributes(node, epsilon))), inverse});
  return {};
}

// ids [batch, length] and tables [rows, hidden] give [batch, length, hidden].
Result<void> infer_embed(Inference& call) {
  const Node& node = call.node();
  TRY(need_rank(call, 0, 2, 2));
  TRY(need_rank(call, 2, 2, 2));
  const Shape *ids = call.shape(0), *words = call.shape(2);
  std::optional<Shape> shape, batch;
  if (ids != nullptr) batch = Shape{(*ids)[0]};
  if (ids != nullptr && words != nullptr) shape = Shape{(*ids)[0], (*ids)[1], (*words)[1]};
  DType element = node.op == "QEmbedLayerNormalization" ? DType::f32 : call.element(2);
  call.set_output(0, element, shape);
  if (node.output(1) != nullptr) call.set_output(1, DType::i32, batch);
  if (node.output(2) != nullptr) call.set_output(2, element, shape);
  return {};
}

// The rows `at` of the table that is input `table`, or all of it. QEmbedLayerNormalization has tables of bytes, whose
// scales are 6 inputs further and whose zero points are 11 inputs further; only what was looked up is dequantized.
Result<Value*> looked_up(Rewrite& rewrite, const Node& node, std::size_t table, Value* at) {
  Value* rows = at == nullptr ? node.input(table) : TRY(rewrite.add("Gather", {node.input(table), at}));
  if (node.op != "QEmbedLayerNormalization") return rows;
  return rewrite.add("DequantizeLinear", {rows, node.input(table + 6), node.input(table + 11)});
}

// The sum of word, position and segment embeddings, normalized. Output 1 counts the tokens of each row whose mask is 1,
// as ONNX Runtime does; without a mask it gives zeros there.
Result<void> embed(Node& node) {
  Rewrite rewrite(node);
  Value *ids = node.input(0), *segments = node.input(1), *mask = node.input(7);
  // Input 8 is the position ids, except in the quantized form, where it is the scale of the words' table. Without ids a
  // token's position is its index in the row.
  Value* positions = node.op == "QEmbedLayerNormalization" ? nullptr : node.input(8);
  if (positions == nullptr) positions = TRY(rewrite.positions(ids, 1));
  Value* sum = TRY(looked_up(rewrite, node, 2, ids));
  sum = TRY(rewrite.add("Add", {sum, TRY(looked_up(rewrite, node, 3, positions))}));
  if (segments != nullptr && node.input(4) != nullptr) {
    sum = TRY(rewrite.add("Add", {sum, TRY(looked_up(rewrite, node, 4, segments))}));
  }
  // gamma and beta are quantized as the tables are, but used as a whole.
  Value *gamma = TRY(looked_up(rewrite, node, 5, nullptr)), *beta = TRY(looked_up(rewrite, node, 6, nullptr));
  Value* y = TRY(rewrite.add("LayerNormalization", {sum, gamma, beta}, layer_attributes(node, of_skip)));
  Value* lengths = nullptr;
  if (node.output(1) != nullptr && mask != nullptr) {
    Value* kept = TRY(rewrite.add("Equal", {mask, rewrite.number(mask->type.element, 1)}));
    kept = TRY(rewrite.add("Cast", {kept}, {{"to", static_cast<std::int64_t>(DType::i32)}}));
    lengths = TRY(rewrite.add("ReduceSum", {kept, rewrite.ints({1})}, {{"keepdims", std::int64_t{0}}}));
  } else if (node.output(1) != nullptr) {
    lengths = TRY(rewrite.add("Expand", {rewrite.number(DType::i32, 0), TRY(rewrite.size(ids, 0))}));
  }
  rewrite.finish({y, lengths, sum});
  return {};
}

constexpr AttributeDef epsilon_of_skip = {"epsilon", AttributeType::number, "added to the variance; 1e-12 if absent"};
constexpr AttributeDef skip_attributes[] = {epsilon_of_skip};
constexpr AttributeDef embed_attributes[] = {
    epsilon_of_skip, {"mask_index_type", AttributeType::integer, "a hint for inference; changes nothing"}};
constexpr AttributeDef quantized_embed_attributes[] = {epsilon_of_skip};
constexpr AttributeDef simplified_attributes[] = {
    {"axis", AttributeType::integer, "the first axis of a group; the last if absent"},
    {"epsilon", AttributeType::number, "added to the mean square; 1e-5 if absent"},
    {"stash_type", AttributeType::integer, "precision of the statistics; taken in f64 whatever it says"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "SkipLayerNormalization",
        .since = 1,
        .summary = "Layer normalization of a sum, which can be an output too.",
        .inputs = "input skip:input gamma:input beta?:input bias?:input",
        .outputs = "output mean? inv_std_var? input_skip_bias_sum?",
        .types = float_types,
        .attributes = skip_attributes,
        .infer = infer_skip,
        .short_floats = ShortFloats::widen,
        .decompose = skip,
        .examples =
            [] {
              return Examples{{"with a bias, and the sum as an output",
                               {f32({1, 1, 2}, {1, 1}), f32({1, 1, 2}, {0, 1}), f32({2}, {1, 2}), f32({2}, {0, 1}),
                                f32({2}, {0, 1})},
                               {},
                               {f32({1, 1, 2}, {-1, 3}), Tensor(), Tensor(), f32({1, 1, 2}, {1, 3})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "SkipSimplifiedLayerNormalization",
        .since = 1,
        .summary = "RMS normalization of a sum, which can be an output too.",
        .inputs = "input skip:input gamma:input bias?:input",
        .outputs = "output mean? inv_std_var? input_skip_bias_sum?",
        .types = float_types,
        .attributes = skip_attributes,
        .infer = infer_skip,
        .short_floats = ShortFloats::widen,
        .decompose = skip_simplified,
        .examples =
            [] {
              return Examples{
                  {"the inverse root and the sum as outputs",
                   {f32({1, 1, 2}, {1, 3}), f32({1, 1, 2}, {0, 4}), f32({2}, {1, 2})},
                   {},
                   {f32({1, 1, 2}, {0.2f, 2.8f}), Tensor(), f32({1, 1, 1}, {0.2f}), f32({1, 1, 2}, {1, 7})}}};
            },
    },
    {
        .domain = "",
        .name = "SimplifiedLayerNormalization",
        .since = 1,
        .summary = "RMSNormalization, as ONNX Runtime named it before there was one.",
        .inputs = "X scale",
        .outputs = "Y inv_std_var?",
        .types = float_types,
        .attributes = simplified_attributes,
        .infer = infer_simplified,
        .decompose = simplified,
        .examples =
            [] {
              return Examples{{"one row",
                               {f32({1, 2}, {1, 7}), f32({2}, {1, 2})},
                               {{"epsilon", 0.0f}},
                               {f32({1, 2}, {0.2f, 2.8f}), f32({1, 1}, {0.2f})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "EmbedLayerNormalization",
        .since = 1,
        .summary = "The normalized sum of the embeddings of words, their positions and their segments.",
        .inputs = "input_ids segment_ids?:input_ids word_embedding:f32,f16 "
                  "position_embedding:word_embedding segment_embedding?:word_embedding gamma:word_embedding "
                  "beta:word_embedding mask?:input_ids position_ids?:input_ids",
        .outputs = "output mask_index? embedding_sum?",
        .types = "i32 i64",
        .attributes = embed_attributes,
        .infer = infer_embed,
        .decompose = embed,
        .examples =
            [] {
              Tensor ids = i32({1, 2}, {1, 0});
              return Examples{{"two words, of which one counts",
                               {ids, ids, f32({2, 2}, {0, 2, 1, 3}), f32({3, 2}, {0, 0, 0, 2, 9, 9}),
                                f32({2, 2}, {0, 0, 1, 3}), f32({2}, {1, 1}), f32({2}, {0, 1}), ids},
                               {},
                               {f32({1, 2, 2}, {-1, 2, -1, 2}), i32({1}, {1}), f32({1, 2, 2}, {2, 6, 0, 4})}},
                              {"a mask that counts ones, with ids of 64 bits",
                               {i64({1, 2}, {1, 0}), i64({1, 2}, {1, 0}), f32({2, 2}, {0, 2, 1, 3}),
                                f32({3, 2}, {0, 0, 0, 2, 9, 9}), f32({2, 2}, {0, 0, 1, 3}), f32({2}, {1, 1}),
                                f32({2}, {0, 1}), i64({1, 2}, {2, 1})},
                               {},
                               {f32({1, 2, 2}, {-1, 2, -1, 2}), i32({1}, {1}), f32({1, 2, 2}, {2, 6, 0, 4})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "QEmbedLayerNormalization",
        .since = 1,
        .summary = "EmbedLayerNormalization of tables that are quantized.",
        .inputs =
            "input_ids segment_ids?:input_ids word_embedding_quant:i8,u8 "
            "position_embedding_quant:word_embedding_quant segment_embedding?:word_embedding_quant "
            "gamma_quant:word_embedding_quant beta_quant:word_embedding_quant mask?:input_ids "
            "word_embedding_scale:f32 position_embedding_scale:f32 segment_embedding_scale?:f32 gamma_scale:f32 "
            "beta_scale:f32 word_embedding_zero_point:word_embedding_quant "
            "position_embedding_zero_point:word_embedding_quant segment_embedding_zero_point?:word_embedding_quant "
            "gamma_zero_point:word_embedding_quant beta_zero_point:word_embedding_quant",
        .outputs = "layernorm_out mask_index_out",
        .types = "i32",
        .attributes = quantized_embed_attributes,
        .infer = infer_embed,
        .decompose = embed,
        .examples =
            [] {
              Tensor ids = i32({1, 2}, {1, 0}), one = f32({}, {1}), half = f32({}, {0.5f}), zero = u8({}, {0});
              return Examples{{"two words, of which one counts",
                               {ids, ids, u8({2, 2}, {10, 14, 12, 16}), u8({3, 2}, {0, 0, 0, 2, 9, 9}),
                                u8({2, 2}, {0, 0, 1, 3}), u8({2}, {1, 1}), u8({2}, {0, 1}), ids, half, one, one, one,
                                one, u8({}, {10}), zero, zero, zero, zero},
                               {},
                               {f32({1, 2, 2}, {-1, 2, -1, 2}), i32({1}, {1})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> fused_normalizations_ops() { return defs; }
std::span<const OpRun> fused_normalizations_runs() { return {}; }

}  // namespace modelctl::ops
