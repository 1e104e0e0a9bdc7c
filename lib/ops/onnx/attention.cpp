// Attention: weighted means of values, softmax(scale Q K^T + mask) V, with a decoder's key-value cache inside. The
// formulas and all options of the mask are in reference/attention.hpp; here are the schema, inference and lowering of
// ONNX's form.
//
// Query head h reads the keys and values of head h / (heads / kv_heads): grouped-query attention, or multi-query
// attention if there is one head of keys. A score goes through four stages, each of which qk_matmul_output_mode can
// return: the product s = scale q k, the cap c tanh(s / c), the mask, and the softmax. Opset 23 introduced the
// operator; opset 24 added nonpad_kv_seqlen, for a cache that the caller keeps.
#include "ops/reference/attention.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// An operand of three or four axes as batches, heads, length and size of a head.
struct HeadSizes {
  Expr batches, heads, length, size;
};
Result<HeadSizes> sizes_of(const Inference& call, std::size_t index, std::string_view heads_attribute) {
  const Shape& shape = *call.shape(index);
  if (shape.size() == 4) return HeadSizes{shape[0], shape[1], shape[2], shape[3]};
  std::int64_t heads = call.attributes().integer(heads_attribute);
  if (heads < 1) return call.bad(std::string(heads_attribute) + " must be given if Q, K and V have three axes");
  auto hidden = shape[2].constant();
  if (hidden && *hidden % heads != 0) {
    return call.bad(std::to_string(heads) + " heads do not divide " + std::to_string(*hidden));
  }
  return HeadSizes{shape[0], heads, shape[1], floor_div(shape[2], heads)};
}

// Q, K and V have either 4 axes [batch, heads, tokens, size] or 3 [batch, tokens, heads * size] with the heads as
// attributes. The present outputs are the past ones with the new tokens appended, so their length is a sum of sizes.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call, {0, 1}));
  for (std::size_t index : {0u, 1u, 2u}) TRY(need_rank(call, index, 3, 4));
  for (std::size_t index : {4u, 5u}) TRY(need_rank(call, index, 4, 4));
  for (const char* name : {"left_window_size", "right_window_size"}) {
    if (call.attributes().integer(name, -1) < -1) return call.bad(std::string(name) + " must be -1 or more");
  }
  // Two kinds of cache exclude each other: past and present (the operator appends to it), and nonpad_kv_seqlen (K and V
  // are buffers of the caller, filled up to a length of each batch).
  bool past = call.present(4), present = call.node().output(1) != nullptr;
  if (past != call.present(5)) return call.bad("past_key and past_value go together");
  if (call.present(6) && (past || present)) return call.bad("nonpad_kv_seqlen cannot be given with a cache inside");
  auto set = [&](std::size_t index, DType type, std::optional<Shape> shape) {
    if (call.node().output(index) != nullptr) call.set_output(index, type, std::move(shape));
  };
  const Shape *q = call.shape(0), *k = call.shape(1), *v = call.shape(2);
  const Shape *past_k = call.shape(4), *past_v = call.shape(5);
  // Ranks are known even now: caches and scores have four axes, whether or not Q, K and V have three.
  if (q == nullptr || k == nullptr || v == nullptr) {
    set(0, element, q == nullptr ? std::nullopt : std::optional(unknown_shape(call, q->size())));
    set(1, element, unknown_shape(call, 4));
    set(2, call.element(2), unknown_shape(call, 4));
    set(3, element, unknown_shape(call, 4));
    return {};
  }
  if (q->size() != k->size() || q->size() != v->size()) return call.bad("Q, K and V differ in rank");
  HeadSizes of_q = TRY(sizes_of(call, 0, "q_num_heads")), of_k = TRY(sizes_of(call, 1, "kv_num_heads"));
  HeadSizes of_v = TRY(sizes_of(call, 2, "kv_num_heads"));
  auto heads = of_q.heads.constant(), kv_heads = of_k.heads.constant();
  if (heads && kv_heads && (*kv_heads == 0 || *heads % *kv_heads != 0)) {
    return call.bad("the heads of Q are not a multiple of those of K and V");
  }
  TRY(same_size(call, of_q.batches, of_k.batches));
  TRY(same_size(call, of_q.size, of_k.size));
  TRY(same_size(call, of_k.length, of_v.length));
  // All keys, the past's and the new ones. Either past gives its length; one whose rank is unknown gives a symbol.
  std::optional<Expr> total = of_k.length;
  if (past_k != nullptr) total = (*past_k)[2] + of_k.length;
  else if (past_v != nullptr) total = (*past_v)[2] + of_k.length;
  else if (past) total = call.fresh_symbol();
  if (q->size() == 4) set(0, element, Shape{of_q.batches, of_q.heads, of_q.length, of_v.size});
  else set(0, element, Shape{of_q.batches, of_q.length, of_q.heads * of_v.size});
  set(1, element, Shape{of_k.batches, of_k.heads, *total, of_k.size});
  set(2, call.element(2), Shape{of_k.batches, of_k.heads, *total, of_v.size});
  set(3, element, Shape{of_q.batches, of_q.heads, of_q.length, *total});
  return {};
}

// `check` compares Q, K, V and the past with each other before memory is allocated; the loops of
// reference/attention.cpp rely on it. They check the mask themselves, since its last axis may be shorter than the keys.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const Attributes& attributes = call.attributes;
  std::int64_t heads = attributes.integer("q_num_heads"), kv_heads = attributes.integer("kv_num_heads");
  Attend all;
  all.interrupt = call.interrupt;
  all.q = TRY(heads_of(call.input(0), heads, "Q"));
  all.k = TRY(heads_of(call.input(1), kv_heads, "K"));
  all.v = TRY(heads_of(call.input(2), kv_heads, "V"));
  if (all.q.view.rank() != all.k.view.rank() || all.q.view.rank() != all.v.view.rank()) {
    return refuse("Q, K and V differ in rank");
  }
  TRY(same_type(all.q.view, all.k.view));
  if (call.input(4).present()) all.past_k = TRY(heads_of(call.input(4), kv_heads, "past_key"));
  if (call.input(5).present()) all.past_v = TRY(heads_of(call.input(5), kv_heads, "past_value"));
  TRY(check(all));
  all.windows = full_window(all);
  if (call.input(6).present()) {
    Dims lengths = TRY(integers(call.input(6), "nonpad_kv_seqlen"));
    if (lengths.size() != all.windows.size() || call.input(4).present()) {
      return refuse("nonpad_kv_seqlen must have one element for each batch, and no cache inside beside it");
    }
    for (std::size_t b = 0; b < lengths.size(); ++b) {
      if (lengths[b] < 0 || lengths[b] > all.k.length) {
        return refuse("nonpad_kv_seqlen cannot be " + std::to_string(lengths[b]));
      }
      // The queries are the last of the valid tokens: query s is at position length - S + s. That is negative if there
      // are fewer keys than queries; a causal query then sees nothing, and its row is zero.
      all.windows[b] = {0, lengths[b], lengths[b] - all.q.length};
    }
  }
  all.mask = call.input(3);
  // Rounded to f32, like an attribute that is given. A head of size 0 has empty sums, and must not divide by 0.
  float fallback = static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(all.q.size, 1))));
  all.scale = static_cast<double>(attributes.number("scale", fallback));
  all.softcap = static_cast<double>(attributes.number("softcap"));
  all.causal = attributes.integer("is_causal") != 0;
  all.left = attributes.integer("left_window_size", -1);
  all.right = attributes.integer("right_window_size", -1);
  if (attributes.has("softmax_precision")) {
    // ONNX's number of a type is also DType's.
    all.precision = static_cast<DType>(attributes.integer("softmax_precision"));
    if (!holds<Floats>(all.precision)) return refuse("softmax_precision must be a type of floats");
  }
  std::int64_t total = TRY(checked_add(all.past_k.length, all.k.length));
  Dims dims{all.q.batches, all.q.heads, all.q.length, all.v.size};
  if (all.q.view.rank() == 3) { dims = {all.q.batches, all.q.length, TRY(checked_multiply(all.q.heads, all.v.size))}; }
  MutableTensorView y = TRY(outputs.allocate(0, all.q.view.type, dims));
  for (std::size_t index : {1u, 2u}) {
    if (!outputs.wanted(index)) continue;
    const Heads &past = index == 1 ? all.past_k : all.past_v, &fresh = index == 1 ? all.k : all.v;
    // [batch, KV heads, past and new rows, size of a head], whatever the rank of K and V.
    Dims cache{fresh.batches, fresh.heads, total, fresh.size};
    keep(past, fresh, all.windows, TRY(outputs.allocate(index, fresh.view.type, cache)));
  }
  std::optional<Scores> scores;
  if (outputs.wanted(3)) {
    std::int64_t mode = attributes.integer("qk_matmul_output_mode");
    if (mode < 0 || mode > 3) return refuse("qk_matmul_output_mode cannot be " + std::to_string(mode));
    Dims full{all.q.batches, all.q.heads, all.q.length, total};
    scores = Scores{static_cast<Stage>(mode), TRY(outputs.allocate(3, all.q.view.type, full))};
  }
  return attend(all, y, scores);
}

// The kernel works on blocks of keys and never has a whole row of scores, so a node that returns them stays with
// evaluate. It writes Y always, and both caches or none. Its mask is f32 or bool. Its softmax is in f32: that is what
// softmax_precision 1 means (ONNX's number of f32), and what its absence means for an f32 Q. The seven operands keep
// their positions, absent ones included.
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  for (std::size_t index : {0u, 1u, 2u}) {
    if (!call.plain_f32(index)) return false;
  }
  if (node.output(3) != nullptr || !call.read(0) || call.read(1) != call.read(2)) return false;
  for (std::size_t index : {4u, 5u}) {
    if (node.input(index) != nullptr && !call.plain_f32(index)) return false;
  }
  if (node.input(3) != nullptr && !call.plain_f32(3) && call.element(3) != DType::boolean) return false;
  if (node.input(6) != nullptr && call.element(6) != DType::i64) return false;
  const Attributes& attributes = call.attributes();
  if (attributes.integer("softmax_precision", 1) != static_cast<std::int64_t>(DType::f32)) return false;
  Attributes of_kernel{{"heads", attributes.integer("q_num_heads")},
                       {"kv_heads", attributes.integer("kv_num_heads")},
                       {"softcap", attributes.number("softcap")},
                       {"causal", attributes.integer("is_causal")},
                       {"left", attributes.integer("left_window_size", -1)},
                       {"right", attributes.integer("right_window_size", -1)}};
  if (attributes.has("scale")) of_kernel.set("scale", attributes.number("scale"));
  std::vector<Lowering::Operand> operands;
  for (std::size_t index = 0; index < 7; ++index) operands.emplace_back(node.input(index));
  call.emit("attention_f32", std::move(operands), std::move(of_kernel));
  return true;
}

constexpr float infinity = HUGE_VALF;

constexpr AttributeDef attributes[] = {
    {"is_causal", AttributeType::integer, "0 if absent; 1: a query attends to no key after its own position"},
    {"kv_num_heads", AttributeType::integer, "heads of K and V, if they have three axes"},
    {"left_window_size", AttributeType::integer,
     "keys before its position that a query attends to; -1 (all) if absent"},
    {"q_num_heads", AttributeType::integer, "heads of Q, if it has three axes"},
    {"qk_matmul_output_mode", AttributeType::integer,
     "what the last output holds: 0 products, if absent; 1 capped; 2 masked; 3 weights"},
    {"right_window_size", AttributeType::integer,
     "keys after its position that a query attends to; -1 (all) if absent"},
    {"scale", AttributeType::number, "of the products; 1/sqrt(size of a head) if absent"},
    {"softcap", AttributeType::number, "scores are limited to this magnitude; 0 (no limit) if absent"},
    {"softmax_precision", AttributeType::integer, "the softmax's element type; Q's if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Attention",
        .since = 25,
        .summary = "Means of values, weighted by how well each query agrees with the keys.",
        .inputs = "Q K:Q V:floats attn_mask?:numbers,bool past_key?:Q past_value?:V nonpad_kv_seqlen?:i64",
        .outputs = "Y present_key? present_value? qk_matmul_output?",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .lower = lower,
        .examples =
            [] {
              return Examples{
                  {"causal, with two query heads to one of keys",
                   {f32({1, 2, 2, 2}, {0.5f, -2, -0.5f, -0.5f, 1.5f, -0.5f, 0.5f, -1}),
                    f32({1, 1, 2, 2}, {0, 1.5f, 1, 2}), f32({1, 1, 2, 1}, {2, -1.5f})},
                   {{"is_causal", std::int64_t{1}}},
                   {f32({1, 2, 2, 1}, {2, 0.7034603f, 2, 0.25f})}},
                  {"hidden axes, a past and a mask of truth values",
                   {f32({1, 1, 4}, {1, 1.5f, 1.5f, 2}), f32({1, 1, 2}, {-1.5f, 0.5f}), f32({1, 1, 2}, {2, 0}),
                    boolean({1, 2}, {true, false}), f32({1, 1, 1, 2}, {-0.5f, -2}), f32({1, 1, 1, 2}, {-0.5f, 0.5f})},
                   {{"q_num_heads", std::int64_t{2}}, {"kv_num_heads", std::int64_t{1}}, {"scale", 0.5f}},
                   {f32({1, 1, 4}, {-0.5f, 0.5f, -0.5f, 0.5f}), f32({1, 1, 2, 2}, {-0.5f, -2, -1.5f, 0.5f}),
                    f32({1, 1, 2, 2}, {-0.5f, 0.5f, 2, 0})}},
                  {"a cache outside, of which the second batch has one key",
                   {f32({2, 1, 1, 2}, {-2, -1, -0.5f, 2}),
                    f32({2, 1, 2, 2}, {-1.5f, -0.5f, -0.5f, -0.5f, 1.5f, -2, -1.5f, -2}),
                    f32({2, 1, 2, 2}, {0, 1.5f, -0.5f, -1, 1.5f, -1, -2, -2}), Tensor(), Tensor(), Tensor(),
                    i64({2}, {2, 1})},
                   {{"is_causal", std::int64_t{1}}},
                   {f32({2, 1, 1, 2}, {-0.09778516f, 1.011074f, 1.5f, -1})}},
                  {"capped scores, an additive mask, and the masked scores as well",
                   {f32({1, 1, 1, 2}, {0, 0.5f}), f32({1, 1, 2, 2}, {0.5f, 1, 2, 0}), f32({1, 1, 2, 1}, {-1.5f, 0}),
                    f32({1, 2}, {0.5f, -infinity})},
                   {{"softcap", 2.0f}, {"qk_matmul_output_mode", std::int64_t{2}}},
                   {f32({1, 1, 1, 1}, {-1.5f}), Tensor(), Tensor(), f32({1, 1, 1, 2}, {0.849916f, -infinity})}},
                  {"a negative scale prefers keys that disagree",
                   {f32({1, 1, 1, 1}, {1}), f32({1, 1, 2, 1}, {0, 0.6931472f}), f32({1, 1, 2, 1}, {3, 0})},
                   {{"scale", -1.0f}},
                   {f32({1, 1, 1, 1}, {2})}},
                  {"a row that may see nothing is zero",
                   {f32({1, 1, 1, 2}, {2, -1.5f}), f32({1, 1, 1, 2}, {-1.5f, 1.5f}), f32({1, 1, 1, 1}, {-0.5f}),
                    boolean({1, 1}, {false})},
                   {},
                   {f32({1, 1, 1, 1}, {0})}},
                  {"a window of one key to the left",
                   {f32({1, 1, 3, 1}, {1, 1.5f, -1}), f32({1, 1, 3, 1}, {-2, -0.5f, 0.5f}),
                    f32({1, 1, 3, 1}, {1, 2, 4})},
                   {{"left_window_size", std::int64_t{1}}, {"right_window_size", std::int64_t{0}}},
                   {f32({1, 1, 3, 1}, {1, 1.904651f, 2.537883f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Attention", evaluate}};

}  // namespace

std::span<const OpDef> attention_ops() { return defs; }
std::span<const OpRun> attention_runs() { return runs; }

}  // namespace modelctl::ops
