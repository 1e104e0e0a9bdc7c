// Expand and Tile: tensors repeated along axes. Expand repeats axes of size 1 by broadcasting, Tile whole tensors.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

// Broadcasting works in both directions: a 1 in the requested shape keeps the input's size. If only the length of the
// shape is known, the rank is the greater of the two, and the sizes are open.
Result<void> infer_expand(Inference& call) {
  const Shape* in = call.shape(0);
  auto wanted = call.contents(1);
  std::optional<Shape> shape;
  if (in != nullptr && wanted) {
    shape = TRY(broadcast(call, *in, *wanted));
  } else if (auto length = known_length(call, 1);
             in != nullptr && length && *length >= 0 && *length <= static_cast<std::int64_t>(max_rank)) {
    shape = unknown_shape(call, std::max(in->size(), static_cast<std::size_t>(*length)));
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The new shape is data, so its product is bounded first. ONNX gives a negative size no meaning; exporters replace the
// -1 of PyTorch's expand before. A stretched axis has stride 0: the walk reads its element again.
Result<void> expand(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims wanted = TRY(integers(call.input(1), "the new shape"));
  if (!element_count(wanted)) return refuse("the new shape is negative or beyond 2^62 elements");
  if (wanted.size() > max_rank) return refuse("the new shape has too many axes");
  Dims dims = TRY(broadcast_dims(x.dims, wanted));
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<1>(dims, {broadcast_strides(x.dims, dims)},
                      [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[at[0]]; });
    return {};
  });
}

// The repeats may be symbolic, as those that depend on the size of a batch.
Result<void> infer_tile(Inference& call) {
  const Shape* in = call.shape(0);
  auto repeats = call.contents(1);
  if (in == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  if (!repeats) {
    call.set_output(0, call.element(0), unknown_shape(call, in->size()));
    return {};
  }
  if (repeats->size() != in->size()) return call.bad("repeats must have one number for each axis");
  Shape shape;
  for (std::size_t axis = 0; axis < in->size(); ++axis) shape.push_back((*in)[axis] * (*repeats)[axis]);
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// Each output coordinate reads the input's coordinate modulo its size. So an axis is split in two, [repeats, size],
// whose row-major order is that of the output; no division is needed. 0 repeats give an empty output.
Result<void> tile(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims repeats = TRY(integers(call.input(1), "repeats"));
  if (repeats.size() != x.rank()) return refuse("there must be one number of repeats for each axis");
  Dims dims, strides, own = strides_of(x.dims), split;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (repeats[axis] < 0) return refuse("a number of repeats is negative");
    dims.push_back(TRY(checked_multiply(x.dim(axis), repeats[axis])));
    // Each axis is traversed as two: the repeats, with stride 0, and the input's own.
    split.insert(split.end(), {repeats[axis], x.dim(axis)});
    strides.insert(strides.end(), {0, own[axis]});
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<1>(split, {strides},
                      [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[at[0]]; });
    return {};
  });
}

constexpr OpDef defs[] = {
    {
        .name = "Expand",
        .since = 13,
        .summary = "Broadcasts a tensor to a shape, and the shape to the tensor.",
        .inputs = "input shape:i64",
        .outputs = "output",
        .types = "any",
        .traits = {.identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_expand,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"a column becomes a matrix",
                               {f32({2, 1}, {1, 2}), i64({2}, {1, 3})},
                               {},
                               {f32({2, 3}, {1, 1, 1, 2, 2, 2})},
                               0}};
            },
    },
    {
        .name = "Tile",
        .since = 13,
        .summary = "Repeats a tensor along its axes.",
        .inputs = "input repeats:i64",
        .outputs = "output",
        .types = "any",
        .infer = infer_tile,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"both axes",
                               {f32({1, 2}, {1, 2}), i64({2}, {2, 2})},
                               {},
                               {f32({2, 4}, {1, 2, 1, 2, 1, 2, 1, 2})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Expand", packed_too<expand>}, {"", "Tile", packed_too<tile>}};

}  // namespace

std::span<const OpDef> expand_ops() { return defs; }
std::span<const OpRun> expand_runs() { return runs; }

}  // namespace modelctl::ops
