// RotaryEmbedding (Su et al., 2021): pairs of elements of each head rotated by the angle of the token's position.
//
// Pair i of a head is a point of the plane, and a token at position p turns it by the angle p * theta_i, whose cosine
// and sine the caches hold:
//
//   a' = a cos - b sin,  b' = a sin + b cos
//
// The product of a query and a key then depends on the difference of their positions only.
#include "ops/reference/attention.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 4));
  // With position_ids the caches are tables by position, [positions, pairs]; without, they have a row for each token.
  std::size_t rank = call.present(3) ? 2 : 3;
  for (std::size_t index : {1u, 2u}) TRY(need_rank(call, index, rank, rank));
  TRY(need_rank(call, 3, 2, 2));
  const graph::Shape* x = call.shape(0);
  if (x != nullptr && x->size() == 3 && call.attributes().integer("num_heads") < 1) {
    return call.bad("num_heads must be given if X has three axes");
  }
  return infer_same(call);
}

// interleaved pairs neighbors (2i, 2i + 1); otherwise element i is paired with i + half, where half is that of the
// rotated part. Elements beyond rotary_embedding_dim pass unchanged: the output starts as a copy. X is [B, heads, S, D]
// or [B, S, heads * D]; Heads gives the offset of a token's head in either layout.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const Attributes& attributes = call.attributes;
  Heads x = TRY(heads_of(call.input(0), attributes.integer("num_heads"), "X"));
  const TensorView &cosines = call.input(1), &sines = call.input(2), &ids = call.input(3);
  TRY(same_type(x.view, cosines));
  TRY(same_type(x.view, sines));
  std::int64_t rotated = attributes.integer("rotary_embedding_dim");
  if (rotated == 0) rotated = x.size;
  if (rotated < 0 || rotated > x.size || rotated % 2 != 0) {
    return refuse("rotary_embedding_dim cannot be " + std::to_string(rotated));
  }
  Dims expected = ids.present() ? Dims{cosines.rank() > 0 ? cosines.dim(0) : 0, rotated / 2}
                                : Dims{x.batches, x.length, rotated / 2};
  for (const TensorView* table : {&cosines, &sines}) {
    if (Dims(table->dims.begin(), table->dims.end()) != expected) {
      return refuse("the caches must be " + describe(x.view.type, expected));
    }
  }
  Dims positions;
  if (ids.present()) {
    if (ids.type != DType::i64 || ids.rank() != 2 || ids.dim(0) != x.batches || ids.dim(1) != x.length) {
      return refuse("position_ids must be " + describe(DType::i64, Dims{x.batches, x.length}));
    }
    // Ids are data: each is checked against the table before it is used.
    positions = TRY(indices(ids, expected[0]));
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.view.type, x.view.dims));
  copy_elements(x.view, y);
  auto load = load_of<double>(x.view.type);
  auto store = store_of<double>(x.view.type);
  bool neighbors = attributes.integer("interleaved") != 0;
  for (std::int64_t token = 0; token < x.batches * x.length; ++token) {
    std::int64_t position = ids.present() ? positions[static_cast<std::size_t>(token)] : token;
    for (std::int64_t h = 0; h < x.heads; ++h) {
      std::int64_t base = x.at(token / x.length, h, token % x.length);
      for (std::int64_t i = 0; i < rotated / 2; ++i) {
        std::int64_t first = base + (neighbors ? 2 * i : i), second = first + (neighbors ? 1 : rotated / 2);
        double cosine = load(cosines.data, position * (rotated / 2) + i);
        double sine = load(sines.data, position * (rotated / 2) + i);
        double a = load(x.view.data, first), b = load(x.view.data, second);
        store(y.data, first, a * cosine - b * sine);
        store(y.data, second, a * sine + b * cosine);
      }
    }
  }
  return {};
}

// A negative id counts from the end, which the kernel does not support: it gets only computed ids, where an id out of
// range gives NaN. The kernel takes the number of rotated elements from the caches' width.
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  for (std::size_t index : {0u, 1u, 2u}) {
    if (!call.plain_f32(index)) return false;
  }
  if (node.input(3) != nullptr && (call.element(3) != DType::i64 || call.constant(3) != nullptr)) return false;
  call.emit(
      "rotary_f32", {node.input(0), node.input(1), node.input(2), node.input(3)},
      {{"heads", call.attributes().integer("num_heads")}, {"interleaved", call.attributes().integer("interleaved")}});
  return true;
}

constexpr AttributeDef attributes[] = {
    {"interleaved", AttributeType::integer, "0 if absent: pairs are half a head apart; 1: they are neighbors"},
    {"num_heads", AttributeType::integer, "heads, if X has three axes"},
    {"rotary_embedding_dim", AttributeType::integer, "elements of a head that are rotated; 0 (all) if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "RotaryEmbedding",
        .since = 23,
        .summary = "Pairs of each head rotated by angles of the token's position.",
        .inputs = "X cos_cache:X sin_cache:X position_ids?:i64",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .lower = lower,
        .examples =
            [] {
              return Examples{
                  {"hidden axes, and positions",
                   {f32({1, 2, 4}, {0, 0, 1, 0, 0, -0.5f, 0, 0}), f32({3, 1}, {2, 0, -0.5f}),
                    f32({3, 1}, {1.5f, 0.5f, 0.5f}), i64({1, 2}, {2, 0})},
                   {{"num_heads", std::int64_t{2}}},
                   {f32({1, 2, 4}, {-0.0f, 0, -0.5f, 0.5f, 0.75f, -1, 0, 0})}},
                  {"neighbors, and what is beyond the angles stays",
                   {f32({1, 1, 1, 4}, {-2, -1.5f, 0.5f, -0.5f}), f32({1, 1, 1}, {-2}), f32({1, 1, 1}, {0.5f})},
                   {{"interleaved", std::int64_t{1}}, {"rotary_embedding_dim", std::int64_t{2}}},
                   {f32({1, 1, 1, 4}, {4.75f, 2, 0.5f, -0.5f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "RotaryEmbedding", evaluate}};

}  // namespace

std::span<const OpDef> rotary_embedding_ops() { return defs; }
std::span<const OpRun> rotary_embedding_runs() { return runs; }

}  // namespace modelctl::ops
