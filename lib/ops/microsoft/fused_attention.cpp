// Attention, MultiHeadAttention, GroupQueryAttention and RotaryEmbedding of com.microsoft: projections, masks and
// caches in front of the attention that the default domain has.
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/rewrite.hpp"
#include "ops/run.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Node;
using graph::Shape;
using graph::Value;

std::size_t rank_of(const Value* value) { return value->type.shape ? value->type.shape->size() : 0; }

Attributes along(std::int64_t axis) { return {{"axis", axis}}; }

// Parts of a value along an axis: of these sizes, or three equal ones.
Result<std::vector<Value*>> split(Rewrite& rewrite, Value* value, std::int64_t axis, const Dims& sizes) {
  std::vector<std::string> names(sizes.empty() ? 3 : sizes.size(), value->name + ".part");
  Attributes attributes = along(axis);
  if (sizes.empty()) attributes.set("num_outputs", std::int64_t{3});
  std::vector<Value*> inputs{value};
  if (!sizes.empty()) inputs.push_back(rewrite.ints(sizes));
  Node* parts = TRY(rewrite.add_node("", "Split", std::move(inputs), std::move(attributes), names));
  return parts->outputs();
}

// [B, 1, .., T] of numbers to add to the scores, from a mask of zeros and ones or of lengths; null where there is none.
// ONNX Runtime does not forbid what is masked, it takes `filter` off the score: a row that is masked whole stays as it
// was.
Result<Value*> mask_of(Rewrite& rewrite, Value* mask, Value* keys, std::int64_t key_axis, DType type, float filter) {
  if (mask == nullptr) return nullptr;
  if (rank_of(mask) == 1) {  // where each row ends and, behind that, where each begins
    const Shape *sizes = &*mask->type.shape, *of_keys = keys->type.shape ? &*keys->type.shape : nullptr;
    if (of_keys == nullptr) return rewrite.bad("the rank of the keys is unknown");
    const Expr &count = (*sizes)[0], &batches = (*of_keys)[0];
    bool twice = count == batches * Expr(2) && !(count == batches);
    if (!twice && count.constant() && batches.constant() && !(count == batches)) {
      return rewrite.bad("a packed mask of lengths is not supported");
    }
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
    mask = TRY(rewrite.add("Cast", {inside}, {{"to", static_cast<std::int64_t>(DType::i32)}}));
  }
  if (rank_of(mask) == 2) mask = TRY(rewrite.add("Unsqueeze", {mask, rewrite.ints({1, 2})}));
  else if (rank_of(mask) == 3) mask = TRY(rewrite.add("Unsqueeze", {mask, rewrite.ints({1})}));
  else return rewrite.bad("the mask has neither one, two nor three axes");
  Value* ones = TRY(rewrite.add("Cast", {mask}, {{"to", static_cast<std::int64_t>(type)}}));
  Value* zeros = TRY(rewrite.add("Sub", {rewrite.number(type, 1), ones}));
  return rewrite.add("Mul", {zeros, rewrite.number(type, static_cast<double>(filter))});
}

Result<Value*> sum_of(Rewrite& rewrite, Value* a, Value* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return rewrite.add("Add", {a, b});
}

Attributes attention_attributes(const Node& node, bool flat) {
  std::int64_t heads = node.attributes.integer("num_heads");
  Attributes attributes{{"is_causal", node.attributes.integer("unidirectional")}};
  if (flat) attributes.set("q_num_heads", heads), attributes.set("kv_num_heads", heads);
  if (node.attributes.number("scale") != 0) attributes.set("scale", node.attributes.number("scale"));
  return attributes;
}

Result<void> infer_attention(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 2, 2));
  TRY(need_rank(call, 4, 5, 5));
  std::int64_t heads = call.attributes().integer("num_heads");
  if (heads < 1) return call.bad("num_heads must be positive");
  const Shape *x = call.shape(0), *weights = call.shape(1), *past = call.shape(4);
  const auto& sizes = call.attributes().integers("qkv_hidden_sizes");
  if (!sizes.empty() && sizes.size() != 3) return call.bad("qkv_hidden_sizes must have three elements");
  bool present = call.node().output(1) != nullptr;
  if (x == nullptr || weights == nullptr) {
    call.set_output(0, call.element(0), unknown_shape(call, 3));
    if (present) call.set_output(1, call.element(0), unknown_shape(call, 5));
    return {};
  }
  Expr hidden = sizes.empty() ? floor_div((*weights)[1], 3) : Expr(sizes[2]);
  call.set_output(0, call.element(0), Shape{(*x)[0], (*x)[1], hidden});
  Expr total = (*x)[1];
  if (past != nullptr) total = total + (*past)[3];
  else if (call.present(4)) total = call.fresh_symbol();
  if (present) call.set_output(1, call.element(0), Shape{2, (*x)[0], heads, total, floor_div(hidden, heads)});
  return {};
}

Result<void> attention(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  if (attributes.integer("do_rotary") != 0) return rewrite.bad("do_rotary is not supported");
  if (attributes.integer("past_present_share_buffer") != 0 || node.input(6) != nullptr) {
    return rewrite.bad("a cache of fixed size is not supported");
  }
  Value* product = TRY(rewrite.add("MatMul", {node.input(0), node.input(1)}));
  product = TRY(sum_of(rewrite, product, node.input(2)));
  std::vector<Value*> qkv = TRY(split(rewrite, product, 2, attributes.integers("qkv_hidden_sizes")));
  DType type = node.input(0)->type.element;
  Value* past = node.input(4);
  std::vector<Value*> pasts(2, nullptr);
  if (past != nullptr) {
    pasts = TRY(split(rewrite, past, 0, {1, 1}));
    for (Value*& each : pasts) each = TRY(rewrite.add("Squeeze", {each, rewrite.ints({0})}));
  }
  Value* mask = node.input(3);
  if (mask != nullptr && rank_of(mask) == 1 && past != nullptr) {
    return rewrite.bad("a mask of lengths together with a past is not supported");
  }
  float filter = attributes.number("mask_filter_value", -10000.0f);
  mask = TRY(mask_of(rewrite, mask, qkv[1], 1, type, filter));
  mask = TRY(sum_of(rewrite, mask, node.input(5)));
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
    both = TRY(rewrite.add("Concat", std::move(stacked), along(0)));
  }
  rewrite.finish({made->output(0), both});
  return {};
}

Result<void> infer_multi_head(Inference& call) {
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
  else if (k == nullptr) return call.bad("key must be given where query is not packed");
  else if (k->size() == 5) size = v_size = (*k)[4], length = (*k)[1];
  else if (v == nullptr) return call.bad("value must be given where key is not packed");
  else {
    size = floor_div((*q)[2], heads);
    v_size = v->size() == 4 ? (*v)[3] : floor_div((*v)[2], heads);
    length = k->size() == 4 ? (*k)[2] : (*k)[1];
  }
  set(0, Shape{(*q)[0], (*q)[1], v_size * Expr(heads)});
  if (past != nullptr) length = length + (*past)[2];
  else if (call.present(6)) length = call.fresh_symbol();
  set(1, Shape{(*q)[0], heads, length, size});
  set(2, Shape{(*q)[0], heads, length, v_size});
  set(3, Shape{(*q)[0], heads, (*q)[1], length});
  return {};
}

// [B, S, heads, n, D] as n values [B, S, heads * D].
Result<std::vector<Value*>> unpacked(Rewrite& rewrite, Value* packed, std::size_t count) {
  std::vector<Value*> parts = TRY(split(rewrite, packed, 3, Dims(count, 1)));
  for (Value*& part : parts) part = TRY(rewrite.add("Reshape", {part, rewrite.ints({0, 0, -1})}));
  return parts;
}

Result<void> multi_head(Node& node) {
  Rewrite rewrite(node);
  if (node.input(8) != nullptr || node.input(9) != nullptr) {
    return rewrite.bad("caches of fixed size and of beams are not supported");
  }
  if (node.output(3) != nullptr) return rewrite.bad("its scores are not told");
  std::int64_t heads = node.attributes.integer("num_heads");
  Value *q = node.input(0), *k = node.input(1), *v = node.input(2), *bias = node.input(3);
  if (rank_of(q) == 0 || (k != nullptr && rank_of(k) == 0)) return rewrite.bad("the rank of query or key is unknown");
  if (rank_of(q) == 5) {
    std::vector<Value*> parts = TRY(unpacked(rewrite, q, 3));
    q = parts[0], k = parts[1], v = parts[2];
  } else if (rank_of(k) == 5) {
    std::vector<Value*> parts = TRY(unpacked(rewrite, k, 2));
    k = parts[0], v = parts[1];
  }
  bool projected = rank_of(k) == 4;  // keys and values of another sequence, as heads already
  if (bias != nullptr) {
    Dims sizes;
    std::vector<Expr> hiddens;
    for (const Value* each : {q, k, v}) {
      const Shape& shape = *each->type.shape;
      Expr hidden = shape.size() == 4 ? shape[1] * shape[3] : shape[2];
      hiddens.push_back(hidden);
      if (hidden.constant()) sizes.push_back(*hidden.constant());
    }
    bool equal = hiddens[0] == hiddens[1] && hiddens[0] == hiddens[2];
    if (sizes.size() < 3 && !equal) return rewrite.bad("the bias cannot be cut: a hidden size is unknown");
    if (equal) sizes.clear();
    std::vector<Value*> parts = TRY(split(rewrite, bias, 0, sizes));
    q = TRY(rewrite.add("Add", {q, parts[0]}));
    if (!projected) k = TRY(rewrite.add("Add", {k, parts[1]})), v = TRY(rewrite.add("Add", {v, parts[2]}));
  }
  if (projected) {
    q = TRY(rewrite.add("Reshape", {q, rewrite.ints({0, 0, heads, -1})}));
    q = TRY(rewrite.add("Transpose", {q}, {{"perm", Ints{0, 2, 1, 3}}}));
  }
  Value* mask = node.input(4);
  if (mask != nullptr && rank_of(mask) == 1 && node.input(6) != nullptr) {
    return rewrite.bad("a mask of lengths together with a past is not supported");
  }
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
  Expr size = floor_div((*q)[2], call.present(1) ? heads : heads + 2 * kv_heads);
  call.set_output(0, element, Shape{(*q)[0], (*q)[1], size * Expr(heads)});
  std::optional<Expr> room;
  auto total = call.contents(6);
  if (total && total->size() == 1 && (past != nullptr || !call.present(3))) {
    room = past == nullptr ? (*total)[0] : max((*past)[2], (*total)[0]);
  }
  if (!room) room = call.fresh_symbol();
  for (std::size_t index : {1u, 2u}) {
    if (call.node().output(index) != nullptr) call.set_output(index, element, Shape{(*q)[0], kv_heads, *room, size});
  }
  return {};
}

// Where each token stands: behind the past, which is what the total has more than the new tokens.
Result<Value*> positions_behind(Rewrite& rewrite, Value* q, Value* totals) {
  Value* wide = TRY(rewrite.add("Cast", {totals}, {{"to", static_cast<std::int64_t>(DType::i64)}}));
  Value* column = TRY(rewrite.add("Reshape", {wide, rewrite.ints({-1, 1})}));
  Value* past = TRY(rewrite.add("Sub", {column, TRY(rewrite.size(q, 1))}));
  past = TRY(rewrite.add("Max", {past, rewrite.ints({0})}));
  return rewrite.add("Add", {past, TRY(rewrite.positions(q, 1))});
}

// Each head over the root of its mean square.
Result<Value*> normalised(Rewrite& rewrite, Value* x, Value* weight, std::int64_t heads, float epsilon) {
  Value* apart = TRY(rewrite.add("Reshape", {x, rewrite.ints({0, 0, heads, -1})}));
  Value* y = TRY(rewrite.add("RMSNormalization", {apart, weight}, {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}}));
  return rewrite.add("Reshape", {y, rewrite.ints({0, 0, -1})});
}

Result<Value*> rotated(Rewrite& rewrite, Value* x, Value* cosines, Value* sines, Value* ids, std::int64_t heads,
                       bool interleaved) {
  Attributes attributes{{"interleaved", std::int64_t{interleaved}}};
  if (rank_of(x) == 3) attributes.set("num_heads", heads);
  auto half = cosines->type.shape && rank_of(cosines) == 2 ? (*cosines->type.shape)[1].constant() : std::nullopt;
  if (half) attributes.set("rotary_embedding_dim", *half * 2);
  return rewrite.add("RotaryEmbedding", {x, cosines, sines, ids}, std::move(attributes));
}

Result<void> group_query(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  bool quantized = node.input(12) != nullptr || node.input(13) != nullptr;
  if (quantized || attributes.integer("sliding_window_cache") != 0 || node.input(16) != nullptr) {
    return rewrite.bad("quantized caches, caches of a window, and padded chunks are not supported");
  }
  if (node.output(3) != nullptr || attributes.integer("qk_output") != 0) return rewrite.bad("its scores are not told");
  std::int64_t heads = attributes.integer("num_heads"), kv_heads = attributes.integer("kv_num_heads");
  Value *q = node.input(0), *k = node.input(1), *v = node.input(2);
  if (k == nullptr) {
    Value* apart = TRY(rewrite.add("Reshape", {q, rewrite.ints({0, 0, heads + 2 * kv_heads, -1})}));
    std::vector<Value*> parts = TRY(split(rewrite, apart, 2, {heads, kv_heads, kv_heads}));
    for (Value*& part : parts) part = TRY(rewrite.add("Reshape", {part, rewrite.ints({0, 0, -1})}));
    q = parts[0], k = parts[1], v = parts[2];
  } else if (v == nullptr) {
    return rewrite.bad("there is a key, and no value");
  }
  if (node.input(14) != nullptr && node.input(15) != nullptr) {
    float epsilon = attributes.number("qk_norm_epsilon", 1e-6f);
    q = TRY(normalised(rewrite, q, node.input(14), heads, attributes.number("q_norm_epsilon", epsilon)));
    k = TRY(normalised(rewrite, k, node.input(15), kv_heads, attributes.number("k_norm_epsilon", epsilon)));
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

Result<void> rotary(Node& node) {
  Rewrite rewrite(node);
  const Attributes& attributes = node.attributes;
  if (attributes.integer("is_packed_batching") != 0) return rewrite.bad("ragged batches are not supported");
  Value *x = node.input(0), *ids = node.input(1), *cosines = node.input(2);
  std::int64_t heads = attributes.integer("num_heads");
  if (rank_of(x) < 3 || !cosines->type.shape) return rewrite.bad("the rank of its input is unknown");
  if (heads == 0 && rank_of(x) == 3) {
    auto hidden = (*x->type.shape)[2].constant(), half = (*cosines->type.shape)[1].constant();
    if (!hidden || !half || *half == 0) return rewrite.bad("num_heads is needed where sizes are unknown");
    heads = *hidden / (2 * *half);
  }
  std::int64_t length = rank_of(x) == 3 ? 1 : 2;
  if (rank_of(ids) == 1) {  // the first token's
    ids = TRY(rewrite.add("Add", {ids, TRY(rewrite.positions(x, length))}));
    Value* rows = TRY(rewrite.size(x, 0));
    Value* full = TRY(rewrite.add("Concat", {rows, TRY(rewrite.size(x, length))}, along(0)));
    ids = TRY(rewrite.add("Expand", {ids, full}));
  }
  rewrite.finish(
      {TRY(rotated(rewrite, x, cosines, node.input(3), ids, heads, attributes.integer("interleaved") != 0))});
  return {};
}

constexpr AttributeDef heads_attribute = {"num_heads", AttributeType::integer, "heads", true};
constexpr AttributeDef filter_attribute = {"mask_filter_value", AttributeType::number,
                                           "added to scores that are masked; -10000 where absent"};
constexpr AttributeDef scale_attribute = {"scale", AttributeType::number,
                                          "of the products; 1/sqrt(size of a head) where absent"};
constexpr AttributeDef causal_attribute = {"unidirectional", AttributeType::integer,
                                           "0 where absent; 1: a query sees no key after its own position"};

constexpr AttributeDef of_attention[] = {
    {"do_rotary", AttributeType::integer, "0; 1 is not supported"},
    filter_attribute,
    heads_attribute,
    {"past_present_share_buffer", AttributeType::integer, "0; 1 is not supported"},
    {"qkv_hidden_sizes", AttributeType::integers, "how the weights' columns are cut; in three where absent"},
    {"rotary_embedding_dim", AttributeType::integer, "of do_rotary"},
    scale_attribute,
    causal_attribute};
constexpr AttributeDef of_multi_head[] = {filter_attribute, heads_attribute, scale_attribute, causal_attribute};
constexpr AttributeDef of_group_query[] = {
    {"causal", AttributeType::integer, "1 where absent; 0: a query sees what comes after it too"},
    {"do_rotary", AttributeType::integer, "0 where absent; 1: queries and keys turn by the caches' angles"},
    {"k_norm_epsilon", AttributeType::number, "of k_norm_weight; qk_norm_epsilon where absent"},
    {"k_quant_type", AttributeType::text, "NONE; others are not supported"},
    {"kv_cache_bit_width", AttributeType::integer, "of quantized caches, which are not supported"},
    {"kv_num_heads", AttributeType::integer, "heads of key and value", true},
    {"local_window_size", AttributeType::integer, "keys that a query sees, its own included; -1, all, where absent"},
    heads_attribute,
    {"q_norm_epsilon", AttributeType::number, "of q_norm_weight; qk_norm_epsilon where absent"},
    {"qk_norm_epsilon", AttributeType::number, "added to mean squares; 1e-6 where absent"},
    {"qk_output", AttributeType::integer, "0; others are not supported"},
    {"rotary_interleaved", AttributeType::integer, "0 where absent; 1: pairs are neighbours"},
    scale_attribute,
    {"sliding_window_cache", AttributeType::integer, "0; 1 is not supported"},
    {"smooth_softmax", AttributeType::integer, "0 where absent; 1: a score of 0 takes weight and has no value"},
    {"softcap", AttributeType::number, "scores lie within plus and minus this; 0, anywhere, where absent"},
    {"v_quant_type", AttributeType::text, "NONE; others are not supported"}};
constexpr AttributeDef of_rotary[] = {
    {"interleaved", AttributeType::integer, "0 where absent; 1: pairs are neighbours"},
    {"is_packed_batching", AttributeType::integer, "0; 1 is not supported"},
    {"num_heads", AttributeType::integer, "heads; as many as the caches' width tells where absent"},
    {"rotary_embedding_dim", AttributeType::integer, "told by the caches' width"},
    {"scale", AttributeType::number, "has no effect"}};

constexpr OpDef defs[] = {
    {.domain = "com.microsoft",
     .name = "Attention",
     .since = 1,
     .summary = "Projections to queries, keys and values, and the attention between them.",
     .inputs = "input weights bias? mask_index? past? attention_bias? past_sequence_length?",
     .outputs = "output present?",
     .types = float_types,
     .attributes = of_attention,
     .infer = infer_attention,
     .examples =
         [] {
           return Examples{
               {"projections with a bias, and a mask of zeros and ones",
                {f32({1, 2, 2}, {0.5f, -2, -0.5f, -0.5f}),
                 f32({2, 6}, {1.5f, -0.5f, 0.5f, -1, 0, 1.5f, 1, 2, 2, -1.5f, 1, 1.5f}),
                 f32({6}, {1.5f, 2, -1.5f, 0.5f, 2, 0}), i32({1, 2}, {1, 0})},
                {{"num_heads", std::int64_t{1}}},
                {f32({1, 2, 2}, {0, -2.25f, 0, -2.25f})}},
               {"a causal step behind a past",
                {f32({1, 1, 2}, {-0.5f, -2}),
                 f32({2, 6}, {-0.5f, 0.5f, -2, -1, -0.5f, 2, -1.5f, -0.5f, -0.5f, -0.5f, 1.5f, -2}),
                 f32({6}, {-1.5f, -2, 0, 1.5f, -0.5f, -1}), Tensor(), f32({2, 1, 2, 1, 1}, {1.5f, -1, -2, -2})},
                {{"num_heads", std::int64_t{2}}, {"unidirectional", std::int64_t{1}}},
                {f32({1, 1, 2}, {-2.882231f, -1.973229f}), f32({2, 1, 2, 2, 1}, {1.5f, 2, -1, 3, -2, -3.25f, -2, 2})}},
               {"lengths as a mask",
                {f32({2, 2, 1}, {0, 0.5f, 0.5f, 1}), f32({1, 3}, {2, 0, -1.5f}), f32({3}, {0, 2, -1.5f}),
                 i32({2}, {1, 2})},
                {{"num_heads", std::int64_t{1}}, {"scale", 0.5f}},
                {f32({2, 2, 1}, {-1.5f, -1.5f, -2.625f, -2.625f})}}};
         },
     .decompose = attention},
    {.domain = "com.microsoft",
     .name = "MultiHeadAttention",
     .since = 1,
     .summary = "Attention of queries to keys that are projected already.",
     .inputs = "query key? value? bias? key_padding_mask? attention_bias? past_key? past_value? past_sequence_length? "
               "cache_indirection?",
     .outputs = "output present_key? present_value? qk?",
     .types = float_types,
     .attributes = of_multi_head,
     .infer = infer_multi_head,
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
               {"keys and values packed",
                {f32({1, 1, 1}, {0}), f32({1, 2, 1, 2, 1}, {5, 1, 6, 3})},
                {{"num_heads", std::int64_t{1}}},
                {f32({1, 1, 1}, {2})}}};
         },
     .decompose = multi_head},
    {.domain = "com.microsoft",
     .name = "GroupQueryAttention",
     .since = 1,
     .summary = "Attention over a cache of which each batch has filled a length of its own; several query heads share "
                "one of keys.",
     .inputs =
         "query key? value? past_key? past_value? seqlens_k total_sequence_length cos_cache? sin_cache? position_ids? "
         "attention_bias? head_sink? k_scale? v_scale? q_norm_weight? k_norm_weight? query_seqlens?",
     .outputs = "output present_key? present_value? output_qk?",
     .types = float_types,
     .attributes = of_group_query,
     .infer = infer_group_query,
     .examples =
         [] {
           return Examples{
               {"a step into a cache of fixed size, with two query heads to one of keys",
                {f32({1, 1, 16}, {-2, -1, 1.5f, -1, -1, -0.5f, -0.5f, -1, -0.5f, 0, -1.5f, -1, -1.5f, 0, 1, 2}),
                 f32({1, 1, 8}, {-1, -0.5f, -2, -2, 1, -2, 1, -0.5f}),
                 f32({1, 1, 8}, {-0.5f, 2, 2, 2, -1, -0.5f, -1, -2}),
                 f32({1, 1, 2, 8}, {2, 2, -0.5f, 2, -1, 2, 0, -0.5f, -2, 0, -0.5f, 1, 2, -2, 2, 0.5f}),
                 f32({1, 1, 2, 8}, {-2, 1, 0.5f, -0.5f, -1.5f, 2, -2, 0, 1, 0.5f, 1.5f, 2, 2, -1, 2, 1}), i32({1}, {1}),
                 i32({}, {2})},
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
     .decompose = group_query},
    {.domain = "com.microsoft",
     .name = "RotaryEmbedding",
     .since = 1,
     .summary = "Pairs of each head turned by angles that tell the token's position.",
     .inputs = "input position_ids cos_cache sin_cache",
     .outputs = "output",
     .types = float_types,
     .attributes = of_rotary,
     .infer = infer_same,
     .examples =
         [] {
           return Examples{{"from a first position",
                            {f32({1, 2, 4}, {1, -1.5f, 1, 2, 2, -0.5f, -1, -0.5f}), i64({1}, {1}),
                             f32({3, 2}, {1, -0.5f, 1, 0.5f, 1.5f, -2}), f32({3, 2}, {2, 0, 1, 0.5f, 2, -1})},
                            {{"num_heads", std::int64_t{1}}, {"rotary_embedding_dim", std::int64_t{4}}},
                            {f32({1, 2, 4}, {0, -1.75f, 2, 0.25f, 5, 0.5f, 2.5f, 1.5f})}}};
         },
     .decompose = rotary},
};

}  // namespace

std::span<const OpDef> fused_attention_ops() { return defs; }
std::span<const OpRun> fused_attention_runs() { return {}; }

}  // namespace modelctl::ops
