// Attention, QAttention and MultiHeadAttention of com.microsoft, decomposed into what comes before attention
// (projections, biases, masks, caches) and the default domain's Attention. Shapes: B batch, S length of the queries, T
// length of the keys, H heads, D size of a head. Forms that need a cache of fixed size or packed batches are refused.
#include "ops/family/fused_attention.hpp"
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

// Theory. For one head with Q [S, D], K [T, D] and V [T, E], all three operators compute
//   Y = softmax(scale * Q Kᵀ + mask + bias) V,   scale = 1 / sqrt(D) if it is not given,
// row by row of the scores [S, T] (Vaswani et al., "Attention is all you need", 2017). They differ in where Q, K and V
// come from (one product with stacked weights, the same with integers, or inputs), in how keys of earlier tokens arrive
// (past, which is concatenated before the new ones along T), and in how a mask is written. ONNX's Attention has one
// form of each, so that a decomposition is a change of form alone, and the kernel for Attention serves all of them.

// What is added to the scores, [B, 1, 1 or S, T], from any of the masks that these operators take; null without a mask:
//   [B]       lengths: key t counts if t < length
//   [2 * B]   ends, then begins
//   [B, T] or [B, S, T]   counts if above 0
// A masked key is not excluded: `filter` (-10000) is added to its score, as in ONNX Runtime. So a row whose keys are
// all masked has the weights that it would have without a mask, where excluding all of them would give NaN.
Result<Value*> mask_of(Rewrite& rewrite, Value* mask, Value* keys, std::int64_t key_axis, DType type, float filter) {
  if (mask == nullptr) return nullptr;
  if (rank_of(mask) == 1) {
    const Shape *sizes = &*mask->type.shape, *of_keys = keys->type.shape ? &*keys->type.shape : nullptr;
    if (of_keys == nullptr) return rewrite.bad("the rank of the keys is unknown");
    const Expr &count = (*sizes)[0], &batches = (*of_keys)[0];
    // The two forms of one axis are distinguished by comparing their size with the batch, which may be a symbol: [2 *
    // B] must be twice it as an expression. A batch of 0 is both, and means lengths. The third form of ONNX Runtime,
    // cumulative lengths of packed sequences (3 * B + 2 numbers), is refused if both sizes are known.
    bool twice = count == batches * Expr(2) && !(count == batches);
    if (!twice && count.constant() && batches.constant() && !(count == batches)) {
      return rewrite.bad("a packed mask of lengths is not supported");
    }
    // Positions [T] compared with bounds [B, 1] give [B, T], the form of a mask of two axes.
    Value* position = TRY(rewrite.positions(keys, key_axis));
    Value* wide = TRY(rewrite.add("Cast", {mask}, {{"to", static_cast<std::int64_t>(DType::i64)}}));
    Value* ends = TRY(rewrite.add("Reshape", {wide, rewrite.ints({twice ? 2 : 1, -1, 1})}));
    Node* halves = TRY(
        rewrite.add_node("", "Split", {ends}, {{"axis", std::int64_t{0}}, {"num_outputs", std::int64_t{twice ? 2 : 1}}},
                         twice ? std::vector<std::string>{"ends", "begins"} : std::vector<std::string>{"ends"}));
    Value* one = TRY(rewrite.add("Squeeze", {halves->output(0), rewrite.ints({0})}));
    Value* inside = TRY(rewrite.add("Less", {position, one}));
    if (twice) {
      Value* begin = TRY(rewrite.add("Squeeze", {halves->output(1), rewrite.ints({0})}));
      inside = TRY(rewrite.add("And", {inside, TRY(rewrite.add("GreaterOrEqual", {position, begin}))}));
    }
    mask = inside;
  } else {
    mask = TRY(rewrite.add("Greater", {mask, rewrite.number(mask->type.element, 0)}));
  }
  if (rank_of(mask) == 2) mask = TRY(rewrite.add("Unsqueeze", {mask, rewrite.ints({1, 2})}));
  else if (rank_of(mask) == 3) mask = TRY(rewrite.add("Unsqueeze", {mask, rewrite.ints({1})}));
  else return rewrite.bad("the mask has neither one, two nor three axes");
  // (1 - mask) * filter, so that 1 adds 0 and 0 adds the filter value.
  Value* ones = TRY(rewrite.add("Cast", {mask}, {{"to", static_cast<std::int64_t>(type)}}));
  Value* zeros = TRY(rewrite.add("Sub", {rewrite.number(type, 1), ones}));
  return rewrite.add("Mul", {zeros, rewrite.number(type, static_cast<double>(filter))});
}

// a + b, of which either may be absent.
Result<Value*> sum_of(Rewrite& rewrite, Value* a, Value* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return rewrite.add("Add", {a, b});
}

// Of the default domain's Attention; `flat`: queries, keys and values are [B, S, H * D], not [B, H, S, D].
// A scale of 0 is how com.microsoft writes its absence.
Attributes attention_attributes(const Node& node, bool flat) {
  std::int64_t heads = node.attributes.integer("num_heads");
  Attributes attributes{{"is_causal", node.attributes.integer("unidirectional")}};
  if (flat) attributes.set("q_num_heads", heads), attributes.set("kv_num_heads", heads);
  if (node.attributes.number("scale") != 0) attributes.set("scale", node.attributes.number("scale"));
  return attributes;
}

// The inputs that Attention and QAttention, whose projection is quantized, have at different indices.
struct Places {
  std::size_t type, mask, past;
};
Places places_of(const Node& node) { return node.op == "QAttention" ? Places{3, 5, 8} : Places{0, 3, 4}; }

// The weights [hidden, 3 * H * D] project to queries, keys and values at once; qkv_hidden_sizes gives other widths. The
// past and the present hold keys and values in one tensor [2, B, H, T, D].
Result<void> infer_attention(Inference& call) {
  const Places at = places_of(call.node());
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 2, 2));
  TRY(need_rank(call, at.past, 5, 5));
  std::int64_t heads = call.attributes().integer("num_heads");
  if (heads < 1) return call.bad("num_heads must be positive");
  const Shape *x = call.shape(0), *weights = call.shape(1), *past = call.shape(at.past);
  DType element = call.element(at.type);
  const auto& sizes = call.attributes().integers("qkv_hidden_sizes");
  if (!sizes.empty() && sizes.size() != 3) return call.bad("qkv_hidden_sizes must have three elements");
  bool present = call.node().output(1) != nullptr;
  if (x == nullptr || weights == nullptr) {
    call.set_output(0, element, unknown_shape(call, 3));
    if (present) call.set_output(1, element, unknown_shape(call, 5));
    return {};
  }
  // The output has the width of the values, the last third of the columns or the last of the given widths. Keys and
  // values share one cache, so that its heads have the values' size too.
  Expr hidden = sizes.empty() ? floor_div((*weights)[1], 3) : Expr(sizes[2]);
  call.set_output(0, element, Shape{(*x)[0], (*x)[1], hidden});
  Expr total = (*x)[1];
  if (past != nullptr) total = total + (*past)[3];
  else if (call.present(at.past)) total = call.fresh_symbol();
  if (present) call.set_output(1, element, Shape{2, (*x)[0], heads, total, floor_div(hidden, heads)});
  return {};
}

// project -> split into q, k, v -> append to the past -> attend -> stack the present
Result<void> attention(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  if (attributes.integer("do_rotary") != 0) return rewrite.bad("do_rotary is not supported");
  const bool quantized = node.op == "QAttention";
  const Places at = places_of(node);
  if (attributes.integer("past_present_share_buffer") != 0 || (!quantized && node.input(6) != nullptr)) {
    return rewrite.bad("a cache of fixed size is not supported");
  }
  // One product projects to q, k and v side by side. For QAttention it is a sum of integers, (x - z_x)(w - z_w), which
  // is exact; the two scales are multiplied first, since they are constants as a rule, and w's may differ by column.
  Value* product = nullptr;
  if (quantized) {
    Value* scale = TRY(rewrite.add("Mul", {node.input(3), node.input(4)}));
    product = TRY(rewrite.add("MatMulInteger", {node.input(0), node.input(1), node.input(6), node.input(7)}));
    product = TRY(rewrite.add("Mul", {TRY(rewrite.add("CastLike", {product, scale})), scale}));
  } else {
    product = TRY(rewrite.add("MatMul", {node.input(0), node.input(1)}));
  }
  product = TRY(sum_of(rewrite, product, node.input(2)));
  std::vector<Value*> qkv = TRY(rewrite.split(product, 2, attributes.integers("qkv_hidden_sizes")));
  DType type = node.input(at.type)->type.element;
  // ONNX's Attention has two caches: the past [2, B, H, T, D] is cut along its first axis, and the present is stacked
  // again below.
  Value* past = node.input(at.past);
  std::vector<Value*> pasts(2, nullptr);
  if (past != nullptr) {
    pasts = TRY(rewrite.split(past, 0, {1, 1}));
    for (Value*& each : pasts) each = TRY(rewrite.add("Squeeze", {each, rewrite.ints({0})}));
  }
  Value* mask = node.input(at.mask);
  // mask_of counts the positions of the new keys alone, which a past would shift. Masks of two or three axes cover the
  // past's keys already.
  if (mask != nullptr && rank_of(mask) == 1 && past != nullptr) {
    return rewrite.bad("a mask of lengths together with a past is not supported");
  }
  float filter = attributes.number("mask_filter_value", -10000.0f);
  mask = TRY(mask_of(rewrite, mask, qkv[1], 1, type, filter));
  if (!quantized) mask = TRY(sum_of(rewrite, mask, node.input(5)));
  bool present = node.output(1) != nullptr;
  std::string cache = present ? "present" : "";
  Node* made = TRY(rewrite.add_node("", "Attention", {qkv[0], qkv[1], qkv[2], mask, pasts[0], pasts[1]},
                                    attention_attributes(node, true), {"attended", cache, cache}));
  Value* both = nullptr;
  if (present) {
    std::vector<Value*> stacked;
    for (std::size_t index : {1u, 2u}) {
      stacked.push_back(TRY(rewrite.add("Unsqueeze", {made->output(index), rewrite.ints({0})})));
    }
    both = TRY(rewrite.add("Concat", std::move(stacked), Attributes{{"axis", std::int64_t{0}}}));
  }
  rewrite.finish({made->output(0), both});
  return {};
}

// The forms of the inputs: q [B, S, H * D] with k, v of the same form, of [B, H, T, D] (cross attention), or k and v
// packed as [B, T, H, 2, D]; or all packed in q as [B, S, H, 3, D].
Result<void> infer_multi_head(Inference& call) {
  // The form of q and k follows from the rank: 5 is packed, 4 has heads already (k and v alone), 3 has them side by
  // side.
  std::int64_t heads = call.attributes().integer("num_heads");
  if (heads < 1) return call.bad("num_heads must be positive");
  for (std::size_t index : {0u, 1u}) TRY(need_rank(call, index, 3, 5));
  TRY(need_rank(call, 2, 3, 4));
  for (std::size_t index : {6u, 7u}) TRY(need_rank(call, index, 4, 4));
  const Shape *q = call.shape(0), *k = call.shape(1), *v = call.shape(2), *past = call.shape(6);
  DType element = call.element(0);
  auto set = [&](std::size_t index, std::optional<Shape> shape) {
    if (call.node().output(index) != nullptr) call.set_output(index, element, std::move(shape));
  };
  if (q == nullptr || (call.present(1) && k == nullptr) || (call.present(2) && v == nullptr)) {
    set(0, unknown_shape(call, 3));
    for (std::size_t index : {1u, 2u, 3u}) set(index, unknown_shape(call, 4));
    return {};
  }
  // Sizes of a head of K and V, and their length.
  Expr size, v_size, length = (*q)[1];
  if (q->size() == 5) size = v_size = (*q)[4];
  else if (k == nullptr) return call.bad("key must be given if query is not packed");
  else if (k->size() == 5) size = v_size = (*k)[4], length = (*k)[1];
  else if (v == nullptr) return call.bad("value must be given if key is not packed");
  else {
    size = floor_div((*q)[2], heads);
    v_size = v->size() == 4 ? (*v)[3] : floor_div((*v)[2], heads);
    length = k->size() == 4 ? (*k)[2] : (*k)[1];
  }
  set(0, Shape{(*q)[0], (*q)[1], v_size * Expr(heads)});
  // The present and the scores count the past's keys as well as the new ones.
  if (past != nullptr) length = length + (*past)[2];
  else if (call.present(6)) length = call.fresh_symbol();
  set(1, Shape{(*q)[0], heads, length, size});
  set(2, Shape{(*q)[0], heads, length, v_size});
  set(3, Shape{(*q)[0], heads, (*q)[1], length});
  return {};
}

// The packed [B, S, H, n, D] as n values [B, S, H * D].
Result<std::vector<Value*>> unpacked(Rewrite& rewrite, Value* packed, std::size_t count) {
  std::vector<Value*> parts = TRY(rewrite.split(packed, 3, Dims(count, 1)));
  for (Value*& part : parts) part = TRY(rewrite.add("Reshape", {part, rewrite.ints({0, 0, -1})}));
  return parts;
}

// unpack -> add the bias of all three projections -> attend. The bias is one tensor, cut at the widths of q, k and v;
// projected keys and values have theirs already.
Result<void> multi_head(Node& node) {
  Rewrite rewrite(node);
  // Input 8 is the length of a past in a buffer that is written in place, input 9 says which beam of a beam search
  // each key belongs to: both need a cache that Attention does not have.
  if (node.input(8) != nullptr || node.input(9) != nullptr) {
    return rewrite.bad("caches of fixed size and of beams are not supported");
  }
  if (node.output(3) != nullptr) return rewrite.bad("an output of scores is not supported");
  std::int64_t heads = node.attributes.integer("num_heads");
  Value *q = node.input(0), *k = node.input(1), *v = node.input(2), *bias = node.input(3);
  if (rank_of(q) == 0 || (k != nullptr && rank_of(k) == 0)) return rewrite.bad("the rank of query or key is unknown");
  // Unpacking first makes every form one of three values with their own ranks, so that the rest need not tell them
  // apart.
  if (rank_of(q) == 5) {
    std::vector<Value*> parts = TRY(unpacked(rewrite, q, 3));
    q = parts[0], k = parts[1], v = parts[2];
  } else if (rank_of(k) == 5) {
    std::vector<Value*> parts = TRY(unpacked(rewrite, k, 2));
    k = parts[0], v = parts[1];
  }
  if (v != nullptr && rank_of(v) == 0) return rewrite.bad("the rank of value is unknown");
  bool projected = rank_of(k) == 4;  // keys and values of another sequence, which have heads already
  if (bias != nullptr) {
    // Without constant widths an equal cut in three is still right if the widths are equal as expressions; else they
    // are computed in the run, where H * D of a value with heads is the product of two sizes.
    Dims sizes;
    std::vector<Expr> hiddens;
    for (const Value* each : {q, k, v}) {
      const Shape& shape = *each->type.shape;
      Expr hidden = shape.size() == 4 ? shape[1] * shape[3] : shape[2];
      hiddens.push_back(hidden);
      if (hidden.constant()) sizes.push_back(*hidden.constant());
    }
    bool equal = hiddens[0] == hiddens[1] && hiddens[0] == hiddens[2];
    std::vector<Value*> parts;
    if (equal || sizes.size() == 3) {
      parts = TRY(rewrite.split(bias, 0, equal ? Dims() : sizes));
    } else {  // the widths are known only when the model runs
      std::vector<Value*> widths;
      for (Value* each : {q, k, v}) {
        Value* width = TRY(rewrite.size(each, rank_of(each) == 4 ? 3 : 2));
        if (rank_of(each) == 4) width = TRY(rewrite.add("Mul", {width, TRY(rewrite.size(each, 1))}));
        widths.push_back(width);
      }
      Value* cuts = TRY(rewrite.add("Concat", std::move(widths), Attributes{{"axis", std::int64_t{0}}}));
      parts = TRY(rewrite.add_node("", "Split", {bias, cuts}, Attributes{{"axis", std::int64_t{0}}},
                                   std::vector<std::string>(3, "part")))
                  ->outputs();
    }
    q = TRY(rewrite.add("Add", {q, parts[0]}));
    if (!projected) k = TRY(rewrite.add("Add", {k, parts[1]})), v = TRY(rewrite.add("Add", {v, parts[2]}));
  }
  // ONNX's Attention takes q, k and v with three axes each or with four each: the one that is flat gets its heads, and
  // num_heads is then not given.
  if (projected) {
    q = TRY(rewrite.add("Reshape", {q, rewrite.ints({0, 0, heads, -1})}));
    q = TRY(rewrite.add("Transpose", {q}, {{"perm", Ints{0, 2, 1, 3}}}));
  }
  Value* mask = node.input(4);
  if (mask != nullptr && rank_of(mask) == 1 && node.input(6) != nullptr) {
    return rewrite.bad("a mask of lengths together with a past is not supported");
  }
  // The length of the keys is axis 2 if heads come before it. attention_bias is added to the same scores, so that
  // both become one mask.
  float filter = node.attributes.number("mask_filter_value", -10000.0f);
  mask = TRY(mask_of(rewrite, mask, k, projected ? 2 : 1, q->type.element, filter));
  mask = TRY(sum_of(rewrite, mask, node.input(5)));
  std::string cache = node.output(1) != nullptr || node.output(2) != nullptr ? "present" : "";
  Node* made = TRY(rewrite.add_node("", "Attention", {q, k, v, mask, node.input(6), node.input(7)},
                                    attention_attributes(node, !projected), {"attended", cache, cache}));
  Value* y = made->output(0);
  if (projected) {
    y = TRY(rewrite.add("Transpose", {y}, {{"perm", Ints{0, 2, 1, 3}}}));
    y = TRY(rewrite.add("Reshape", {y, rewrite.ints({0, 0, -1})}));
  }
  rewrite.finish({y, made->output(1), made->output(2)});
  return {};
}

constexpr AttributeDef filter_attribute = {"mask_filter_value", AttributeType::number,
                                           "added to scores that are masked; -10000 if absent"};
constexpr AttributeDef causal_attribute = {"unidirectional", AttributeType::integer,
                                           "0 if absent; 1: a query attends to no key after its own position"};

constexpr AttributeDef of_attention[] = {
    {"do_rotary", AttributeType::integer, "0; 1 is not supported"},
    filter_attribute,
    heads_attribute,
    {"past_present_share_buffer", AttributeType::integer, "0; 1 is not supported"},
    {"qkv_hidden_sizes", AttributeType::integers, "how the weights' columns are cut; in three if absent"},
    {"rotary_embedding_dim", AttributeType::integer, "of do_rotary"},
    scale_attribute,
    causal_attribute};
constexpr AttributeDef of_quantized_attention[] = {
    {"do_rotary", AttributeType::integer, "0; 1 is not supported"},
    filter_attribute,
    heads_attribute,
    {"past_present_share_buffer", AttributeType::integer, "0; 1 is not supported"},
    scale_attribute,
    causal_attribute};
constexpr AttributeDef of_multi_head[] = {filter_attribute, heads_attribute, scale_attribute, causal_attribute};
constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "Attention",
        .since = 1,
        .summary = "Projections to queries, keys and values, and the attention between them.",
        .inputs = "input weights:input bias?:input mask_index?:i32 past?:input attention_bias?:input "
                  "past_sequence_length?:mask_index",
        .outputs = "output present?",
        .types = float_types,
        .attributes = of_attention,
        .infer = infer_attention,
        .short_floats = ShortFloats::follow,
        .decompose = attention,
        .examples =
            [] {
              return Examples{
                  {"projections with a bias, and a mask of zeros and ones",
                   {f32({1, 2, 2}, {0.5f, -2, -0.5f, -0.5f}),
                    f32({2, 6}, {1.5f, -0.5f, 0.5f, -1, 0, 1.5f, 1, 2, 2, -1.5f, 1, 1.5f}),
                    f32({6}, {1.5f, 2, -1.5f, 0.5f, 2, 0}), i32({1, 2}, {1, 0})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 2, 2}, {0, -2.25f, 0, -2.25f})}},
                  {"a mask in which all that is above 0 counts alike",
                   {f32({1, 2, 2}, {0.5f, -2, -0.5f, -0.5f}),
                    f32({2, 6}, {1.5f, -0.5f, 0.5f, -1, 0, 1.5f, 1, 2, 2, -1.5f, 1, 1.5f}),
                    f32({6}, {1.5f, 2, -1.5f, 0.5f, 2, 0}), i32({1, 2}, {2, 1})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 2, 2}, {1.3787056f, -1.5606472f, 0.5101284f, -1.9949356f})}},
                  {"a causal step behind a past",
                   {f32({1, 1, 2}, {-0.5f, -2}),
                    f32({2, 6}, {-0.5f, 0.5f, -2, -1, -0.5f, 2, -1.5f, -0.5f, -0.5f, -0.5f, 1.5f, -2}),
                    f32({6}, {-1.5f, -2, 0, 1.5f, -0.5f, -1}), Tensor(), f32({2, 1, 2, 1, 1}, {1.5f, -1, -2, -2})},
                   {{"num_heads", std::int64_t{2}}, {"unidirectional", std::int64_t{1}}},
                   {f32({1, 1, 2}, {-2.882231f, -1.973229f}),
                    f32({2, 1, 2, 2, 1}, {1.5f, 2, -1, 3, -2, -3.25f, -2, 2})}},
                  {"lengths as a mask",
                   {f32({2, 2, 1}, {0, 0.5f, 0.5f, 1}), f32({1, 3}, {2, 0, -1.5f}), f32({3}, {0, 2, -1.5f}),
                    i32({2}, {1, 2})},
                   {{"num_heads", std::int64_t{1}}, {"scale", 0.5f}},
                   {f32({2, 2, 1}, {-1.5f, -1.5f, -2.625f, -2.625f})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "QAttention",
        .since = 1,
        .summary = "Attention whose projections are products of integers.",
        .inputs = "input weight:i8,u8 bias:f32,f16 input_scale:bias weight_scale:bias mask_index?:i32 "
                  "input_zero_point?:input weight_zero_point?:weight past?:bias",
        .outputs = "output present?",
        .types = "i8 u8",
        .attributes = of_quantized_attention,
        .infer = infer_attention,
        .decompose = attention,
        .examples =
            [] {
              return Examples{{"projections with a bias, and a mask of zeros and ones",
                               {u8({1, 2, 2}, {11, 6, 9, 9}), i8({2, 6}, {3, -1, 1, -2, 0, 3, 2, 4, 4, -3, 2, 3}),
                                f32({6}, {1.5f, 2, -1.5f, 0.5f, 2, 0}), f32({}, {0.5f}), f32({}, {0.5f}),
                                i32({1, 2}, {1, 0}), u8({}, {10})},
                               {{"num_heads", std::int64_t{1}}},
                               {f32({1, 2, 2}, {0, -2.25f, 0, -2.25f})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "MultiHeadAttention",
        .since = 1,
        .summary = "Attention of queries to keys that are projected already.",
        .inputs = "query key?:query value?:query bias?:query key_padding_mask?:i32 attention_bias?:query "
                  "past_key?:query past_value?:query past_sequence_length?:key_padding_mask "
                  "cache_indirection?:key_padding_mask",
        .outputs = "output present_key? present_value? qk?",
        .types = float_types,
        .attributes = of_multi_head,
        .infer = infer_multi_head,
        .short_floats = ShortFloats::follow,
        .decompose = multi_head,
        .examples =
            [] {
              return Examples{
                  {"a bias, and scores with a bias of their own",
                   {f32({1, 1, 2}, {-1.5f, 1.5f}), f32({1, 2, 2}, {-0.5f, 1, 1.5f, -1}),
                    f32({1, 2, 2}, {-2, -0.5f, 0.5f, 0}), f32({6}, {0, 1, 0, 0, -0.5f, 0}), Tensor(),
                    f32({1, 2, 1, 2}, {0, 2, 0, -0.5f})},
                   {{"num_heads", std::int64_t{2}}},
                   {f32({1, 1, 2}, {-1.827646f, -0.4979649f})}},
                  {"a past, and what it becomes",
                   {f32({1, 1, 2}, {1.5f, 0.5f}), f32({1, 1, 2}, {0.5f, -2}), f32({1, 1, 2}, {-1.5f, 0.5f}), Tensor(),
                    i32({1, 2}, {1, 1}), Tensor(), f32({1, 1, 1, 2}, {-0.5f, -2}), f32({1, 1, 1, 2}, {0.5f, -2})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 1, 2}, {-0.9856334f, -0.1429582f}), f32({1, 1, 2, 2}, {-0.5f, -2, 0.5f, -2}),
                    f32({1, 1, 2, 2}, {0.5f, -2, -1.5f, 0.5f})}},
                  {"keys and values of another sequence",
                   {f32({1, 1, 2}, {-1.5f, -1}), f32({1, 2, 2, 1}, {0, -1, -2, -0.5f}),
                    f32({1, 2, 2, 1}, {-1, -2, 1.5f, 0.5f})},
                   {{"num_heads", std::int64_t{2}}},
                   {f32({1, 1, 2}, {-1.817574f, 1.317574f})}},
                  {"all packed",
                   {f32({1, 2, 1, 3, 1}, {0, 5, 1, 0, 6, 3})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 2, 1}, {2, 2})}},
                  {"keys and values of another size than queries, each with a bias",
                   {f32({1, 1, 1}, {0}), f32({1, 1, 1}, {1}), f32({1, 1, 2}, {1, 2}), f32({4}, {0, 1, 5, 6})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 1, 2}, {6, 8})}},
                  {"keys and values packed",
                   {f32({1, 1, 1}, {0}), f32({1, 2, 1, 2, 1}, {5, 1, 6, 3})},
                   {{"num_heads", std::int64_t{1}}},
                   {f32({1, 1, 1}, {2})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> fused_attention_ops() { return defs; }
std::span<const OpRun> fused_attention_runs() { return {}; }

}  // namespace modelctl::ops
