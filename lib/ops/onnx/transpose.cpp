// Transpose: permutes the axes; without perm it reverses them. passes/move_transposes.cpp moves them to where they
// cancel.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

#include <numeric>

namespace modelctl::ops {
namespace {

// The permutation of `rank` axes; nullopt if the attribute is not a permutation.
std::optional<std::vector<std::size_t>> permutation(const Attributes& attributes, std::size_t rank) {
  std::vector<std::size_t> order(rank);
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  if (!attributes.has("perm")) return order;
  order.clear();
  for (std::int64_t axis : attributes.integers("perm")) {
    auto index = static_cast<std::size_t>(axis);  // a negative one is beyond any rank
    if (index >= rank || std::find(order.begin(), order.end(), index) != order.end()) return std::nullopt;
    order.push_back(index);
  }
  return order.size() == rank ? std::optional(order) : std::nullopt;
}

// perm gives the rank even if the input's is unknown.
Result<void> infer(Inference& call) {
  const graph::Shape* in = call.shape(0);
  if (in == nullptr && !call.attributes().has("perm")) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  std::size_t rank = in == nullptr ? call.attributes().integers("perm").size() : in->size();
  auto order = permutation(call.attributes(), rank);
  if (!order) return call.bad("perm is not a permutation of " + std::to_string(rank) + " axes");
  if (in == nullptr) {
    call.set_output(0, call.element(0), unknown_shape(call, rank));
    return {};
  }
  graph::Shape shape;
  for (std::size_t axis : *order) shape.push_back((*in)[axis]);
  call.set_output(0, call.element(0), shape);
  // Of a vector, whose only permutation moves nothing.
  pass_contents(call, shape);
  return {};
}

// Copies by storage width, not by type. Elements are written in order and read with permuted strides: output axis i has
// the stride of input axis perm[i].
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto order = permutation(call.attributes, x.rank());
  if (!order) return refuse("perm is not a permutation of " + std::to_string(x.rank()) + " axes");
  Dims own = strides_of(x.dims), dims, strides;
  for (std::size_t axis : *order) {
    dims.push_back(x.dim(axis));
    strides.push_back(own[axis]);
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<1>(dims, {strides},
                      [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[at[0]]; });
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"perm", AttributeType::integers, "which input axis each output axis is; reversed if absent"}};

// Only moves: the kernel has a form for each width of 1 to 8 bytes. Packed elements share bytes and strings own memory;
// both run in the reference implementation, as do elements of 16 bytes.
Result<bool> lower(Lowering& call) {
  const graph::Shape* shape = call.shape(0);
  int width = bits(call.element(0));
  if (shape == nullptr || (width != 8 && width != 16 && width != 32 && width != 64)) return false;
  std::vector<std::int64_t> perm = call.attributes().integers("perm");
  if (perm.empty()) {
    for (std::size_t axis = shape->size(); axis-- > 0;) perm.push_back(static_cast<std::int64_t>(axis));
  }
  call.emit("transpose", {call.node().input(0)}, {{"perm", std::move(perm)}});
  return true;
}

constexpr OpDef defs[] = {
    {
        .name = "Transpose",
        .since = 25,
        .summary = "Permutes the axes.",
        .inputs = "data",
        .outputs = "transposed",
        .types = "any",
        .attributes = attributes,
        .traits = {.data_movement = DataMovement::rearrange},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"a matrix", {f32({2, 3}, {1, 2, 3, 4, 5, 6})}, {}, {f32({3, 2}, {1, 4, 2, 5, 3, 6})}, 0},
                              {"the inner two of three",
                               {f32({1, 2, 2}, {1, 2, 3, 4})},
                               {{"perm", Ints{0, 2, 1}}},
                               {f32({1, 2, 2}, {1, 3, 2, 4})},
                               0},
                              {"elements that share a byte",
                               {small(DType::i4, {2, 2}, {0x21, 0x43})},
                               {},
                               {small(DType::i4, {2, 2}, {0x31, 0x42})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Transpose", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> transpose_ops() { return defs; }
std::span<const OpRun> transpose_runs() { return runs; }

}  // namespace modelctl::ops
