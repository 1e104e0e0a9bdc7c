// modelctl::CachedAttention: Attention over a cache of fixed size, of which each batch has filled a length of its own.
// GroupQueryAttention of com.microsoft decomposes to it.
//
// A decoder appends one key and one value to the cache for each token. Copying the cache would make a step quadratic in
// the length of the text, so that present_key and present_value may be the memory of past_key and past_value:
// `continues` below says which outputs continue which inputs, and that the length grows along axis 2.
//
// Smallest runner: regular, since a decoder with key-value caches.
#include "ops/reference/attention.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// Of batch b, the keys are the first total_lengths[b] rows: those of the past that are filled, then the new ones. Query
// s is at position p = past + s and attends to key t if
//   t < total_lengths[b],   t <= p if causal,   and t >= p - left with a window.
// With scores x_t = cap(scale * q·k_t) + mask_t, where cap(x) = softcap * tanh(x / softcap) keeps it within softcap
// (Gemma 2's), the weights are
//   exp(x_t - m) / (exp(sink - m) + sum over u of exp(x_u - m)),   m the greatest of them and the sink.
// So a sink takes weight away and adds no value (Xiao et al., "Efficient streaming language models with attention
// sinks", 2023).

// The cache keeps its capacity as long as `total` fits, and grows to it otherwise: max(capacity, total), symbolically.
Result<void> infer(Inference& call) {
  for (std::size_t index : {0u, 1u, 2u}) TRY(need_rank(call, index, 3, 3));
  for (std::size_t index : {4u, 5u}) TRY(need_rank(call, index, 4, 4));
  DType element = TRY(common_element(call, {0, 1, 2}));
  std::int64_t heads = call.attributes().integer("heads"), kv_heads = call.attributes().integer("kv_heads");
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) return call.bad("heads must be a multiple of kv_heads");
  const Shape *q = call.shape(0), *v = call.shape(2), *k = call.shape(1), *past = call.shape(4);
  std::optional<Expr> capacity;
  auto total = call.contents(7);
  if (total && total->size() == 1 && (past != nullptr || !call.present(4))) {
    capacity = (*total)[0];
    // A cache that is never outgrown keeps its size.
    if (past != nullptr) capacity = max((*past)[2], *capacity);
  }
  if (q == nullptr || k == nullptr || v == nullptr) {
    call.set_output(0, element, unknown_shape(call, 3));
    for (std::size_t index : {1u, 2u}) call.set_output(index, element, unknown_shape(call, 4));
    return {};
  }
  Expr v_size = floor_div((*v)[2], kv_heads);
  call.set_output(0, element, Shape{(*q)[0], (*q)[1], Expr(heads) * v_size});
  if (!capacity) capacity = call.fresh_symbol();
  call.set_output(1, element, Shape{(*k)[0], kv_heads, *capacity, floor_div((*k)[2], kv_heads)});
  call.set_output(2, element, Shape{(*k)[0], kv_heads, *capacity, v_size});
  return {};
}

// Batch b has `total_lengths[b]` keys once the new ones are appended; the rest of its cache is not read. `total` is the
// length of the longest batch, which the capacity must reach.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const Attributes& attributes = call.attributes;
  std::int64_t heads = attributes.integer("heads"), kv_heads = attributes.integer("kv_heads");
  for (std::size_t index : {0u, 1u, 2u}) {
    if (call.input(index).rank() != 3) return refuse("query, key and value must have three axes");
  }
  Attend all;
  all.interrupt = call.interrupt;
  all.q = TRY(heads_of(call.input(0), heads, "query"));
  all.k = TRY(heads_of(call.input(1), kv_heads, "key"));
  all.v = TRY(heads_of(call.input(2), kv_heads, "value"));
  TRY(same_type(all.q.view, all.k.view));
  TRY(same_type(all.q.view, all.v.view));
  if (call.input(4).present()) all.past_k = TRY(heads_of(call.input(4), kv_heads, "past_key"));
  if (call.input(5).present()) all.past_v = TRY(heads_of(call.input(5), kv_heads, "past_value"));
  TRY(check(all));
  Dims lengths = TRY(integers(call.input(6), "total_lengths"));
  std::int64_t total = TRY(one_integer(call.input(7), "total")), capacity = std::max(total, all.past_k.length);
  if (static_cast<std::int64_t>(lengths.size()) != all.q.batches || total < all.k.length) {
    return refuse("total_lengths must have one element for each batch, and total must be that of the longest");
  }
  for (std::int64_t length : lengths) {
    // A prompt that is padded has fewer keys than K has rows: there is no past then, and only its first rows are kept.
    std::int64_t past = std::max(length - all.k.length, std::int64_t{0});
    if (length < 0 || length > total || past > all.past_k.length) {
      return refuse("a batch cannot have a length of " + std::to_string(length));
    }
    all.windows.push_back({past, std::min(length, all.k.length), past});
  }
  all.mask = call.input(3);
  if (call.input(8).present()) {
    const TensorView& sinks = call.input(8);
    if (sinks.rank() != 1 || sinks.dim(0) != heads || !holds<Floats>(sinks.type)) {
      return refuse("there must be one sink for each head");
    }
    for (std::int64_t h = 0; h < heads; ++h) all.sinks.push_back(load_of<double>(sinks.type)(sinks.data, h));
  }
  // In f32, as the attribute would hold it.
  float fallback = static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(all.q.size, 1))));
  all.scale = static_cast<double>(attributes.number("scale", fallback));
  all.softcap = static_cast<double>(attributes.number("softcap"));
  all.causal = attributes.integer("causal", 1) != 0;
  all.left = attributes.integer("left", -1);
  all.precision = all.q.view.type == DType::f64 ? DType::f64 : DType::f32;
  Dims dims{all.q.batches, all.q.length, TRY(checked_multiply(heads, all.v.size))};
  MutableTensorView y = TRY(outputs.allocate(0, all.q.view.type, dims));
  for (std::size_t index : {1u, 2u}) {
    if (!outputs.wanted(index)) continue;
    const Heads &past = index == 1 ? all.past_k : all.past_v, &fresh = index == 1 ? all.k : all.v;
    // If `allocate` returns the memory of the past, `keep` leaves its rows where they are and writes only the new ones.
    Dims cache{fresh.batches, fresh.heads, capacity, fresh.size};
    keep(past, fresh, all.windows, TRY(outputs.allocate(index, fresh.view.type, cache)));
  }
  return attend(all, y);
}

// The kernel takes f32 alone, and writes both caches or none.
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  for (std::size_t index : {0u, 1u, 2u}) {
    if (!call.plain_f32(index)) return false;
  }
  for (std::size_t index : {3u, 4u, 5u, 8u}) {
    if (node.input(index) != nullptr && !call.plain_f32(index)) return false;
  }
  // The kernel always writes the attention; the reference serves a node of which only one cache, or not the attention
  // itself, is read.
  if (!call.read(0) || call.read(1) != call.read(2)) return false;
  if (call.element(6) != DType::i32 && call.element(6) != DType::i64) return false;
  const Attributes& attributes = call.attributes();
  Attributes of_kernel{{"heads", attributes.integer("heads")},    {"kv_heads", attributes.integer("kv_heads")},
                       {"softcap", attributes.number("softcap")}, {"causal", attributes.integer("causal", 1)},
                       {"left", attributes.integer("left", -1)},  {"lengths", std::string("total")}};
  if (attributes.has("scale")) of_kernel.set("scale", attributes.number("scale"));
  std::vector<Lowering::Operand> operands;
  // Without input 7: the kernel finds the capacity in its outputs' dimensions.
  for (std::size_t index = 0; index < 7; ++index) operands.emplace_back(node.input(index));
  operands.emplace_back(node.input(8));
  call.emit("attention_f32", std::move(operands), std::move(of_kernel));
  return true;
}

constexpr AttributeDef attributes[] = {
    {"causal", AttributeType::integer, "1 if absent; 0: a query sees what comes after it too"},
    {"heads", AttributeType::integer, "heads of the query", true},
    {"kv_heads", AttributeType::integer, "heads of key and value", true},
    {"left", AttributeType::integer, "keys before its position that a query attends to; -1 (all) if absent"},
    {"scale", AttributeType::number, "of the products; 1/sqrt(size of a head) if absent"},
    {"softcap", AttributeType::number, "scores are limited to this magnitude; 0 (no limit) if absent"}};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "CachedAttention",
        .since = 1,
        .summary = "Attention over a cache of which each batch has filled a length of its own.",
        .inputs = "query key value attn_mask? past_key? past_value? total_lengths total sinks?",
        .outputs = "output present_key? present_value?",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"a second token behind one key, and a first one behind none",
                               {f32({2, 1, 1}, {0, 0}), f32({2, 1, 1}, {1, 2}), f32({2, 1, 1}, {3, 4}), Tensor(),
                                f32({2, 1, 3, 1}, {5, 0, 9, 6, 7, 8}), f32({2, 1, 3, 1}, {1, 0, 0, 0, 0, 0}),
                                Tensor::of<std::int32_t>(DType::i32, {2}, {2, 1}), i64({1}, {2})},
                               {{"heads", std::int64_t{1}}, {"kv_heads", std::int64_t{1}}},
                               {f32({2, 1, 1}, {2, 4}), f32({2, 1, 3, 1}, {5, 1, 0, 2, 0, 0}),
                                f32({2, 1, 3, 1}, {1, 3, 0, 4, 0, 0})}},
                              {"a sink takes half of the weight",
                               {f32({1, 1, 1}, {0}), f32({1, 1, 1}, {1}), f32({1, 1, 1}, {3}), Tensor(), Tensor(),
                                Tensor(), Tensor::of<std::int32_t>(DType::i32, {1}, {1}), i64({1}, {1}), f32({1}, {0})},
                               {{"heads", std::int64_t{1}}, {"kv_heads", std::int64_t{1}}},
                               {f32({1, 1, 1}, {1.5f})}}};
            },
    },
};
// Output 1 continues input 4 and output 2 input 5, along axis 2.
constexpr kernels::Continuation continues[] = {{1, 4, 2}, {2, 5, 2}};
constexpr OpRun runs[] = {{"modelctl", "CachedAttention", evaluate, continues}};

}  // namespace

std::span<const OpDef> cached_attention_ops() { return defs; }
std::span<const OpRun> cached_attention_runs() { return runs; }

}  // namespace modelctl::ops
