// GroupQueryAttention and RotaryEmbedding of com.microsoft. The former is decomposed into what comes before attention
// (unpacking, normalization of heads, rotary embedding) and modelctl::CachedAttention, which appends to a cache of
// which each batch has filled a length of its own. Several query heads share one key head.
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

// Theory. In grouped-query attention (Ainslie et al., 2023) query head h reads key and value head h / (num_heads /
// kv_num_heads), so that the cache, which bounds a decoder's memory and bandwidth, is smaller by that factor. The cache
// is [B, kv_num_heads, capacity, D]; batch b has filled its first seqlens_k[b] + 1 rows once this step's S tokens are
// appended, and what follows them is not read.
//
// Rotary embedding (Su et al., "RoFormer", 2021) rotates each pair of elements (x1, x2) of a head at position p by an
// angle p * theta_i that depends on the pair i:
//   y1 = x1 cos - x2 sin,   y2 = x1 sin + x2 cos.
// The product of a rotated query and a rotated key then depends on the difference of their positions alone. Row p of
// cos_cache and sin_cache [positions, pairs] has the factors of position p. Pair i is elements i and i + pairs, or 2 i
// and 2 i + 1 if interleaved. Keys are rotated before they are stored, since their position does not change.

// The cache's length is the larger of the past's and total_sequence_length, which is known before the run only if the
// model computes it from shapes.
Result<void> infer_group_query(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  for (std::size_t index : {3u, 4u}) TRY(need_rank(call, index, 4, 4));
  std::int64_t heads = call.attributes().integer("num_heads"), kv_heads = call.attributes().integer("kv_num_heads");
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return call.bad("num_heads must be a multiple of kv_num_heads");
  }
  const Shape *q = call.shape(0), *past = call.shape(3);
  DType element = call.element(0);
  if (q == nullptr) {
    call.set_output(0, element, unknown_shape(call, 3));
    for (std::size_t index : {1u, 2u}) call.set_output(index, element, unknown_shape(call, 4));
    return {};
  }
  // Without a key the query is packed: for each token num_heads queries, then kv_num_heads keys, then as many values.
  Expr size = floor_div((*q)[2], call.present(1) ? heads : heads + 2 * kv_heads);
  call.set_output(0, element, Shape{(*q)[0], (*q)[1], size * Expr(heads)});
  std::optional<Expr> length;
  auto total = call.contents(6);
  if (total && total->size() == 1 && (past != nullptr || !call.present(3))) {
    length = past == nullptr ? (*total)[0] : max((*past)[2], (*total)[0]);
  }
  if (!length) length = call.fresh_symbol();
  for (std::size_t index : {1u, 2u}) {
    if (call.node().output(index) != nullptr) call.set_output(index, element, Shape{(*q)[0], kv_heads, *length, size});
  }
  return {};
}

// The positions of the new tokens: they follow the past, whose length is the total's minus theirs.
// A prompt that is padded to S has a length below S, and a negative past without the Max; its tokens begin at position
// 0, and the keys of its padding are never read.
Result<Value*> positions_behind(Rewrite& rewrite, Value* q, Value* totals) {
  Value* wide = TRY(rewrite.add("Cast", {totals}, {{"to", static_cast<std::int64_t>(DType::i64)}}));
  Value* column = TRY(rewrite.add("Reshape", {wide, rewrite.ints({-1, 1})}));
  Value* past = TRY(rewrite.add("Sub", {column, TRY(rewrite.size(q, 1))}));
  past = TRY(rewrite.add("Max", {past, rewrite.ints({0})}));
  return rewrite.add("Add", {past, TRY(rewrite.positions(q, 1))});
}

// RMS normalization of each head by itself, with one weight for all heads.
// Such a "QK norm" bounds the scores. It comes before the rotation: that keeps the norm of a head, but the weight would
// multiply other elements after it.
Result<Value*> normalized(Rewrite& rewrite, Value* x, Value* weight, std::int64_t heads, float epsilon) {
  Value* apart = TRY(rewrite.add("Reshape", {x, rewrite.ints({0, 0, heads, -1})}));
  Value* y = TRY(rewrite.add("RMSNormalization", {apart, weight}, {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}}));
  return rewrite.add("Reshape", {y, rewrite.ints({0, 0, -1})});
}

// Rotary embedding of x, [B, S, heads * D] or [B, heads, S, D]. Caches narrower than half a head rotate only its first
// elements.
Result<Value*> rotated(Rewrite& rewrite, Value* x, Value* cosines, Value* sines, Value* ids, std::int64_t heads,
                       bool interleaved) {
  Attributes attributes{{"interleaved", std::int64_t{interleaved}}};
  if (rank_of(x) == 3) attributes.set("num_heads", heads);
  auto half = cosines->type.shape && rank_of(cosines) == 2 ? (*cosines->type.shape)[1].constant() : std::nullopt;
  if (half) attributes.set("rotary_embedding_dim", *half * 2);
  return rewrite.add("RotaryEmbedding", {x, cosines, sines, ids}, std::move(attributes));
}

// seqlens_k holds the last index of each batch's keys, so that 1 is added to get lengths. A sliding window of n keys
// includes the query's own. smooth_softmax is a sink with the score 0.
Result<void> group_query(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  // Inputs 12 and 13 are the scales of a quantized cache. Reading one as numbers would give another result without a
  // word, so that every form that CachedAttention does not have is refused here.
  bool quantized = node.input(12) != nullptr || node.input(13) != nullptr;
  if (quantized || attributes.integer("sliding_window_cache") != 0 || node.input(16) != nullptr) {
    return rewrite.bad("quantized caches, caches of a window, and padded chunks are not supported");
  }
  if (node.output(3) != nullptr || attributes.integer("qk_output") != 0) {
    return rewrite.bad("an output of scores is not supported");
  }
  std::int64_t heads = attributes.integer("num_heads"), kv_heads = attributes.integer("kv_num_heads");
  Value *q = node.input(0), *k = node.input(1), *v = node.input(2);
  if (k == nullptr) {
    Value* apart = TRY(rewrite.add("Reshape", {q, rewrite.ints({0, 0, heads + 2 * kv_heads, -1})}));
    std::vector<Value*> parts = TRY(rewrite.split(apart, 2, {heads, kv_heads, kv_heads}));
    for (Value*& part : parts) part = TRY(rewrite.add("Reshape", {part, rewrite.ints({0, 0, -1})}));
    q = parts[0], k = parts[1], v = parts[2];
  } else if (v == nullptr) {
    return rewrite.bad("there is a key but no value");
  }
  if (node.input(14) != nullptr && node.input(15) != nullptr) {
    float epsilon = attributes.number("qk_norm_epsilon", 1e-6f);
    q = TRY(normalized(rewrite, q, node.input(14), heads, attributes.number("q_norm_epsilon", epsilon)));
    k = TRY(normalized(rewrite, k, node.input(15), kv_heads, attributes.number("k_norm_epsilon", epsilon)));
  }
  Value* totals = TRY(rewrite.add("Add", {node.input(5), rewrite.number(node.input(5)->type.element, 1)}));
  if (attributes.integer("do_rotary") != 0) {
    Value *cosines = node.input(7), *sines = node.input(8), *ids = node.input(9);
    if (cosines == nullptr || sines == nullptr) return rewrite.bad("do_rotary needs cos_cache and sin_cache");
    if (ids == nullptr) ids = TRY(positions_behind(rewrite, q, totals));
    bool interleaved = attributes.integer("rotary_interleaved") != 0;
    q = TRY(rotated(rewrite, q, cosines, sines, ids, heads, interleaved));
    k = TRY(rotated(rewrite, k, cosines, sines, ids, kv_heads, interleaved));
  }
  // A sink is a score without a value. For each query, with scores x_t,
  //   weight_t = exp(x_t) / (exp(sink) + sum over u of exp(x_u)),
  // so that weights sum to less than 1. Smooth softmax, with 1 in the divisor, is the sink 0 = log(1) for every head.
  Value* sinks = node.input(11);
  if (sinks == nullptr && attributes.integer("smooth_softmax") > 0) {
    sinks = rewrite.constant(Tensor(DType::f32, {heads}));
  }
  std::int64_t window = attributes.integer("local_window_size", -1);
  Attributes of_cached{{"heads", heads},
                       {"kv_heads", kv_heads},
                       {"causal", attributes.integer("causal", 1)},
                       {"left", window > 0 ? window - 1 : -1},
                       {"softcap", attributes.number("softcap")}};
  if (attributes.number("scale") != 0) of_cached.set("scale", attributes.number("scale"));
  std::string cache = node.output(1) != nullptr || node.output(2) != nullptr ? "present" : "";
  Node* made =
      TRY(rewrite.add_node("modelctl", "CachedAttention",
                           {q, k, v, node.input(10), node.input(3), node.input(4), totals, node.input(6), sinks},
                           std::move(of_cached), {"attended", cache, cache}));
  rewrite.finish(made->outputs());
  return {};
}

// com.microsoft's form takes the first token's position, [1], in addition to one position for each token, and finds the
// number of heads from the width of the caches.
Result<void> rotary(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  if (attributes.integer("is_packed_batching") != 0) return rewrite.bad("ragged batches are not supported");
  Value *x = node.input(0), *ids = node.input(1), *cosines = node.input(2);
  std::int64_t heads = attributes.integer("num_heads");
  if (rank_of(x) < 3 || !cosines->type.shape) return rewrite.bad("the rank of its input is unknown");
  // Without num_heads a head is as wide as what is rotated: two elements for each column of the caches.
  if (heads == 0 && rank_of(x) == 3) {
    auto hidden = (*x->type.shape)[2].constant(), half = (*cosines->type.shape)[1].constant();
    if (hidden && half && *half > 0) heads = *hidden / (2 * *half);
  }
  std::int64_t length = rank_of(x) == 3 ? 1 : 2;
  // ids of one axis hold one number, an offset to which each token adds its index in the row; ONNX's form wants [B, S].
  if (rank_of(ids) == 1) {
    ids = TRY(rewrite.add("Add", {ids, TRY(rewrite.positions(x, length))}));
    Value* rows = TRY(rewrite.size(x, 0));
    Value* full =
        TRY(rewrite.add("Concat", {rows, TRY(rewrite.size(x, length))}, Attributes{{"axis", std::int64_t{0}}}));
    ids = TRY(rewrite.add("Expand", {ids, full}));
  }
  bool interleaved = attributes.integer("interleaved") != 0;
  if (heads > 0 || rank_of(x) != 3) {
    rewrite.finish({TRY(rotated(rewrite, x, cosines, node.input(3), ids, heads, interleaved))});
    return {};
  }
  // The number of heads is known only when the model runs: they become an axis of their own.
  Value* ends = TRY(rewrite.add(
      "Concat", {rewrite.ints({0, 0, -1}), TRY(rewrite.add("Mul", {TRY(rewrite.size(cosines, 1)), rewrite.ints({2})}))},
      Attributes{{"axis", std::int64_t{0}}}));
  const Attributes moved{{"perm", Ints{0, 2, 1, 3}}};
  Value* apart = TRY(rewrite.add("Transpose", {TRY(rewrite.add("Reshape", {x, ends}))}, moved));
  Value* turned = TRY(rotated(rewrite, apart, cosines, node.input(3), ids, 0, interleaved));
  turned = TRY(rewrite.add("Transpose", {turned}, moved));
  rewrite.finish({TRY(rewrite.add("Reshape", {turned, rewrite.ints({0, 0, -1})}))});
  return {};
}

constexpr AttributeDef of_group_query[] = {
    {"causal", AttributeType::integer, "1 if absent; 0: a query sees what comes after it too"},
    {"do_rotary", AttributeType::integer, "0 if absent; 1: queries and keys turn by the caches' angles"},
    {"k_norm_epsilon", AttributeType::number, "of k_norm_weight; qk_norm_epsilon if absent"},
    {"k_quant_type", AttributeType::text, "NONE; others are not supported"},
    {"kv_cache_bit_width", AttributeType::integer, "of quantized caches, which are not supported"},
    {"kv_num_heads", AttributeType::integer, "heads of key and value", true},
    {"local_window_size", AttributeType::integer, "keys that a query sees, its own included; -1, all if absent"},
    heads_attribute,
    {"q_norm_epsilon", AttributeType::number, "of q_norm_weight; qk_norm_epsilon if absent"},
    {"qk_norm_epsilon", AttributeType::number, "added to mean squares; 1e-6 if absent"},
    {"qk_output", AttributeType::integer, "0; others are not supported"},
    {"rotary_interleaved", AttributeType::integer, "0 if absent; 1: pairs are neighbors"},
    scale_attribute,
    {"sliding_window_cache", AttributeType::integer, "0; 1 is not supported"},
    {"smooth_softmax", AttributeType::integer, "0 if absent; 1: a score of 0 takes weight and has no value"},
    {"softcap", AttributeType::number, "scores are limited to this magnitude; 0 (no limit) if absent"},
    {"v_quant_type", AttributeType::text, "NONE; others are not supported"}};
constexpr AttributeDef of_rotary[] = {
    {"interleaved", AttributeType::integer, "0 if absent; 1: pairs are neighbors"},
    {"is_packed_batching", AttributeType::integer, "0; 1 is not supported"},
    {"num_heads", AttributeType::integer, "heads; if absent, as many as the width of the caches gives"},
    {"rotary_embedding_dim", AttributeType::integer, "unused; the width of the caches determines it"},
    {"scale", AttributeType::number, "has no effect"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "GroupQueryAttention",
        .since = 1,
        .summary =
            "Attention over a cache of which each batch has filled a length of its own; several query heads share "
            "one of keys.",
        .inputs = "query key?:query value?:query past_key?:f32,f16,bf16,i8,u8,f8e4m3fn past_value?:past_key "
                  "seqlens_k:i32 total_sequence_length:seqlens_k cos_cache?:query sin_cache?:query "
                  "position_ids?:i64 attention_bias?:query head_sink?:query k_scale?:f32 v_scale?:k_scale "
                  "q_norm_weight?:query k_norm_weight?:query query_seqlens?:seqlens_k",
        .outputs = "output present_key? present_value? output_qk?",
        .types = float_types,
        .attributes = of_group_query,
        .infer = infer_group_query,
        .decompose = group_query,
        .examples =
            [] {
              return Examples{
                  {"a step into a cache of fixed size, with two query heads to one of keys",
                   {f32({1, 1, 16}, {-2, -1, 1.5f, -1, -1, -0.5f, -0.5f, -1, -0.5f, 0, -1.5f, -1, -1.5f, 0, 1, 2}),
                    f32({1, 1, 8}, {-1, -0.5f, -2, -2, 1, -2, 1, -0.5f}),
                    f32({1, 1, 8}, {-0.5f, 2, 2, 2, -1, -0.5f, -1, -2}),
                    f32({1, 1, 2, 8}, {2, 2, -0.5f, 2, -1, 2, 0, -0.5f, -2, 0, -0.5f, 1, 2, -2, 2, 0.5f}),
                    f32({1, 1, 2, 8}, {-2, 1, 0.5f, -0.5f, -1.5f, 2, -2, 0, 1, 0.5f, 1.5f, 2, 2, -1, 2, 1}),
                    i32({1}, {1}), i32({}, {2})},
                   {{"num_heads", std::int64_t{2}}, {"kv_num_heads", std::int64_t{1}}},
                   {f32({1, 1, 16},
                        {-0.5462812f, 1.969146f, 1.953719f, 1.922865f, -1.015427f, -0.4228647f, -1.030854f, -1.938292f,
                         -0.6736825f, 1.884211f, 1.826317f, 1.710529f, -1.057894f, -0.210529f, -1.115788f, -1.768423f}),
                    f32({1, 1, 2, 8}, {2, 2, -0.5f, 2, -1, 2, 0, -0.5f, -1, -0.5f, -2, -2, 1, -2, 1, -0.5f}),
                    f32({1, 1, 2, 8}, {-2, 1, 0.5f, -0.5f, -1.5f, 2, -2, 0, -0.5f, 2, 2, 2, -1, -0.5f, -1, -2})}},
                  {"packed, turned, and within a window of one",
                   {f32({1, 2, 6}, {1, 1, 1, 2, 3, 4, 1, 1, 5, 6, 7, 8}), Tensor(), Tensor(), Tensor(), Tensor(),
                    i32({1}, {1}), i32({}, {2}), f32({2, 1}, {1, 0}), f32({2, 1}, {0, 1})},
                   {{"num_heads", std::int64_t{1}},
                    {"kv_num_heads", std::int64_t{1}},
                    {"do_rotary", std::int64_t{1}},
                    {"local_window_size", std::int64_t{1}}},
                   {f32({1, 2, 2}, {3, 4, 7, 8}), f32({1, 1, 2, 2}, {1, 2, -6, 5}), f32({1, 1, 2, 2}, {3, 4, 7, 8})}},
                  {"a score of zero takes half of the weight",
                   {f32({1, 1, 1}, {0}), f32({1, 1, 1}, {1}), f32({1, 1, 1}, {3}), Tensor(), Tensor(), i32({1}, {0}),
                    i32({}, {1})},
                   {{"num_heads", std::int64_t{1}},
                    {"kv_num_heads", std::int64_t{1}},
                    {"smooth_softmax", std::int64_t{1}}},
                   {f32({1, 1, 1}, {1.5f})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "RotaryEmbedding",
        .since = 1,
        .summary = "Pairs of each head rotated by angles of the token's position.",
        .inputs = "input position_ids:i64 cos_cache:input sin_cache:input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_rotary,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .decompose = rotary,
        .examples =
            [] {
              return Examples{{"from a first position",
                               {f32({1, 2, 4}, {1, -1.5f, 1, 2, 2, -0.5f, -1, -0.5f}), i64({1}, {1}),
                                f32({3, 2}, {1, -0.5f, 1, 0.5f, 1.5f, -2}), f32({3, 2}, {2, 0, 1, 0.5f, 2, -1})},
                               {{"num_heads", std::int64_t{1}}, {"rotary_embedding_dim", std::int64_t{4}}},
                               {f32({1, 2, 4}, {0, -1.75f, 2, 0.25f, 5, 0.5f, 2.5f, 1.5f})}},
                              {"as many heads as the width gives",
                               {f32({1, 1, 4}, {1, 2, 3, 4}), i64({1}, {0}), f32({1, 1}, {0}), f32({1, 1}, {1})},
                               {},
                               {f32({1, 1, 4}, {-2, 1, -4, 3})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> group_query_attention_ops() { return defs; }
std::span<const OpRun> group_query_attention_runs() { return {}; }

}  // namespace modelctl::ops
