// GatherElements, GatherND, ScatterElements and ScatterND: elements read and written by index. Every index is checked
// before memory is touched, since indices are data.
//
// GatherElements and ScatterElements pair each index with one element; GatherND and ScatterND have tuples of indices,
// which select slices. Both kinds become a list of offsets first, so that gathering and scattering are one loop over
// it. Negative indices count from the end.
#include "ops/reference/elementwise.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// For each element of `indices`: the offset in data that it refers to along `axis`; other coordinates are its own.
// Along other axes, indices may be smaller than data, but not larger. The walk gives the offset of those coordinates,
// because the stride of `axis` is set to 0, and the index adds its own part.
Result<std::vector<std::int64_t>> element_offsets(const TensorView& data, const TensorView& picks, std::size_t axis) {
  if (picks.rank() != data.rank()) return refuse("data and indices must have the same rank");
  for (std::size_t other = 0; other < data.rank(); ++other) {
    if (other != axis && picks.dim(other) > data.dim(other)) {
      return refuse("indices are larger than data along axis " + std::to_string(other));
    }
  }
  std::vector<std::int64_t> at = TRY(indices(picks, data.dim(axis)));
  Dims strides = strides_of(data.dims);
  std::int64_t step = strides[axis];
  strides[axis] = 0;
  for_each_index<1>(picks.dims, {strides}, [&](std::int64_t i, const std::array<std::int64_t, 1>& base) {
    std::int64_t& index = at[static_cast<std::size_t>(i)];
    index = base[0] + index * step;
  });
  return at;
}

// Y has the shape of the indices, whatever data's.
Result<void> infer_gather_elements(Inference& call) {
  const Shape* shape = call.shape(1);
  if (const Shape* data = call.shape(0)) {
    TRY(normal_axis(call, call.attributes().integer("axis"), data->size()));
    if (shape != nullptr && shape->size() != data->size()) return call.bad("data and indices must have the same rank");
  }
  call.set_output(0, call.element(0), shape == nullptr ? std::nullopt : std::optional(*shape));
  return {};
}

Result<void> gather_elements(const Call& call, Outputs& outputs) {
  const TensorView &data = call.input(0), &picks = call.input(1);
  TRY(need_rank(data, 1, "data"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), data.rank()));
  auto at = TRY(element_offsets(data, picks, axis));
  MutableTensorView y = TRY(outputs.allocate(0, data.type, picks.dims));
  return for_storage(data.type, [&]<class T>() -> Result<void> {
    T* out = y.as<T>().data();
    for (std::int64_t offset : at) *out++ = data.as<T>()[static_cast<std::size_t>(offset)];
    return {};
  });
}

// The last axis of the indices is a position in data after its batch axes; it selects a slice of all axes that follow
// the position. A position as long as data has axes selects single elements.
struct Slices {
  std::vector<std::int64_t> offsets;
  std::int64_t length = 1;
  Dims dims;  // of a slice
};
Result<Slices> slices_of(const TensorView& data, const TensorView& picks, std::int64_t batch_axes) {
  TRY(need_rank(data, 1, "data"));
  TRY(need_rank(picks, 1, "indices"));
  if (picks.type != DType::i64) return refuse("indices must be i64");
  std::int64_t depth = picks.dims.back();
  // All that follows relies on this: at least one axis of the indices is not a batch axis, and batch and position fit
  // into data's axes.
  if (batch_axes < 0 || batch_axes >= static_cast<std::int64_t>(std::min(data.rank(), picks.rank())) || depth < 0 ||
      depth > static_cast<std::int64_t>(data.rank()) - batch_axes) {
    return refuse("the last axis of the indices is longer than data has axes");
  }
  auto batch = static_cast<std::size_t>(batch_axes), taken = batch + static_cast<std::size_t>(depth);
  for (std::size_t axis = 0; axis < batch; ++axis) {
    if (picks.dim(axis) != data.dim(axis)) return refuse("the batches of data and indices differ");
  }
  Slices slices;
  slices.dims.assign(data.dims.begin() + static_cast<std::ptrdiff_t>(taken), data.dims.end());
  slices.length = product(slices.dims);
  Dims strides = strides_of(data.dims);
  std::int64_t places = product(picks.dims.first(picks.rank() - 1));
  std::int64_t per_batch = product(picks.dims.subspan(batch).first(picks.rank() - 1 - batch));
  std::int64_t batch_step = product(data.dims.subspan(batch));
  const std::int64_t* index = picks.as<std::int64_t>().data();
  for (std::int64_t place = 0; place < places; ++place) {
    // The first axes of the indices are the batch: each batch has `per_batch` positions.
    std::int64_t offset = place / std::max(per_batch, std::int64_t{1}) * batch_step;
    for (std::size_t axis = batch; axis < taken; ++axis) {
      std::int64_t at = *index++, size = data.dim(axis);
      // Checked here and not by indices(): each entry of a position has the bound of its own axis.
      if (at < -size || at >= size) {
        return refuse("index " + std::to_string(at) + " is outside an axis of size " + std::to_string(size));
      }
      offset += (at < 0 ? at + size : at) * strides[axis];
    }
    slices.offsets.push_back(offset);
  }
  return slices;
}

// Y has the leading axes of the indices, then those axes of data that neither the batch nor the position takes. The
// length of a position is the last size of the indices: unless it is a number, even the rank is open.
Result<void> infer_gather_nd(Inference& call) {
  const Shape *data = call.shape(0), *picks = call.shape(1);
  TRY(need_rank(call, 0, 1));
  TRY(need_rank(call, 1, 1));
  auto depth = picks == nullptr ? std::nullopt : picks->back().constant();
  if (data == nullptr || !depth) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  std::int64_t batch = call.attributes().integer("batch_dims");
  if (*depth < 0 || batch < 0 || batch > static_cast<std::int64_t>(data->size()) ||
      *depth > static_cast<std::int64_t>(data->size()) - batch) {
    return call.bad("the last axis of the indices is longer than data has axes");
  }
  Shape shape(picks->begin(), picks->end() - 1);
  shape.insert(shape.end(), data->begin() + static_cast<std::ptrdiff_t>(batch + *depth), data->end());
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

Result<void> gather_nd(const Call& call, Outputs& outputs) {
  const TensorView &data = call.input(0), &picks = call.input(1);
  Slices slices = TRY(slices_of(data, picks, call.attributes.integer("batch_dims")));
  Dims dims(picks.dims.begin(), picks.dims.end() - 1);
  dims.insert(dims.end(), slices.dims.begin(), slices.dims.end());
  // The ranks add up to more than either input's.
  if (dims.size() > max_rank) return refuse("the output has too many axes");
  MutableTensorView y = TRY(outputs.allocate(0, data.type, dims));
  return for_storage(data.type, [&]<class T>() -> Result<void> {
    T* out = y.as<T>().data();
    for (std::int64_t offset : slices.offsets) out = std::copy_n(data.as<T>().data() + offset, slices.length, out);
    return {};
  });
}

enum class Reduction { none, add, mul, max, min };
constexpr std::string_view reductions = "none add mul max min";

// Writes updates at offsets of output 0, which starts as a copy of data; `reduction` combines them with what was there.
// at(i) is the i-th update's offset. Updates are applied in order, one after another, so that repeated offsets add up
// and the result is the same in every run. Integers wrap; std::max and std::min keep the old element if one of both is
// NaN.
template <class At>
Result<void> put(const TensorView& data, const TensorView& updates, const MutableTensorView& y, Reduction reduction,
                 At&& at) {
  TRY(same_type(data, updates));
  copy_elements(data, y);
  std::int64_t count = updates.elements();
  // Without arithmetic any type will do, text too, by the width of its elements.
  if (reduction == Reduction::none) {
    return for_storage(data.type, [&]<class T>() -> Result<void> {
      T* out = y.as<T>().data();
      for (std::int64_t i = 0; i < count; ++i) out[at(i)] = updates.as<T>()[static_cast<std::size_t>(i)];
      return {};
    });
  }
  bool known = with_wide<Numbers>(data.type, [&]<class W>() {
    auto load = load_of<W>(data.type);
    auto store = store_of<W>(data.type);
    for (std::int64_t i = 0; i < count; ++i) {
      W old = load(y.data, at(i)), update = load(updates.data, i);
      if (reduction == Reduction::add) update = wrap_add(old, update);
      else if (reduction == Reduction::mul) update = wrap_multiply(old, update);
      else if (reduction == Reduction::max) update = std::max(old, update);
      else update = std::min(old, update);
      store(y.data, at(i), update);
    }
  });
  return known ? Result<void>() : Result<void>(refuse_type(data.type));
}

// The inverse of GatherElements. If an index occurs twice and there is no reduction, the last update wins; ONNX leaves
// it open. Opset 16 added the reductions add and mul, opset 18 max and min.
Result<void> scatter_elements(const Call& call, Outputs& outputs) {
  const TensorView &data = call.input(0), &picks = call.input(1), &updates = call.input(2);
  TRY(need_rank(data, 1, "data"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), data.rank()));
  if (!std::equal(picks.dims.begin(), picks.dims.end(), updates.dims.begin(), updates.dims.end())) {
    return refuse("indices and updates must have the same dimensions");
  }
  auto at = TRY(element_offsets(data, picks, axis));
  MutableTensorView y = TRY(outputs.allocate(0, data.type, data.dims));
  return put(data, updates, y, choice_of<Reduction>(call.attributes, "reduction", reductions),
             [&](std::int64_t i) { return at[static_cast<std::size_t>(i)]; });
}

// The updates have the indices' leading axes and those of a slice; update i belongs to slice i / length, element i %
// length. There are no batch axes.
Result<void> scatter_nd(const Call& call, Outputs& outputs) {
  const TensorView &data = call.input(0), &picks = call.input(1), &updates = call.input(2);
  Slices slices = TRY(slices_of(data, picks, 0));
  Dims expected(picks.dims.begin(), picks.dims.end() - 1);
  expected.insert(expected.end(), slices.dims.begin(), slices.dims.end());
  if (expected != Dims(updates.dims.begin(), updates.dims.end())) {
    return refuse("the updates must be " + describe(updates.type, expected));
  }
  MutableTensorView y = TRY(outputs.allocate(0, data.type, data.dims));
  return put(data, updates, y, choice_of<Reduction>(call.attributes, "reduction", reductions), [&](std::int64_t i) {
    return slices.offsets[static_cast<std::size_t>(i / slices.length)] + i % slices.length;
  });
}

constexpr AttributeDef of_gather_elements[] = {
    {"axis", AttributeType::integer, "the axis that the indices point along; 0 if absent"}};
constexpr AttributeDef of_gather_nd[] = {
    {"batch_dims", AttributeType::integer, "leading axes that data and indices share; 0 if absent"}};
constexpr AttributeDef reduction = text_choice("reduction", reductions, "how an update is combined with what is there");
constexpr AttributeDef of_scatter_elements[] = {of_gather_elements[0], reduction};
constexpr AttributeDef of_scatter_nd[] = {reduction};

// Scatter is what ScatterElements was called before opset 11.
Result<void> rename_scatter(const Upgrade& upgrade) {
  upgrade.node.op = "ScatterElements";
  return {};
}

constexpr OpDef defs[] = {
    {
        .name = "GatherElements",
        .since = 13,
        .summary = "Picks one element along an axis for each index.",
        .inputs = "data indices:i32,i64",
        .outputs = "output",
        .types = any_type,
        .attributes = of_gather_elements,
        .infer = infer_gather_elements,
        .examples =
            [] {
              return Examples{{"along the rows",
                               {f32({2, 2}, {1, 2, 3, 4}), i64({2, 2}, {0, 0, -1, 0})},
                               {{"axis", std::int64_t{1}}},
                               {f32({2, 2}, {1, 1, 4, 3})},
                               0}};
            },
    },
    {
        .name = "GatherND",
        .since = 13,
        .summary = "Picks the slices at the positions in the last axis of the indices.",
        .inputs = "data indices:i64",
        .outputs = "output",
        .types = any_type,
        .attributes = of_gather_nd,
        .infer = infer_gather_nd,
        .examples =
            [] {
              return Examples{
                  {"elements", {f32({2, 2}, {1, 2, 3, 4}), i64({2, 2}, {0, 0, 1, 1})}, {}, {f32({2}, {1, 4})}, 0},
                  {"rows of a batch",
                   {f32({2, 2, 1}, {1, 2, 3, 4}), i64({2, 1}, {1, 0})},
                   {{"batch_dims", std::int64_t{1}}},
                   {f32({2, 1}, {2, 3})},
                   0}};
            },
    },
    {
        .name = "ScatterElements",
        .since = 18,
        .summary = "A copy with one element along an axis replaced for each index.",
        .inputs = "data indices:i32,i64 updates:data",
        .outputs = "output",
        .types = any_type,
        .attributes = of_scatter_elements,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"along a row",
                               {f32({1, 3}, {1, 2, 3}), i64({1, 2}, {2, 0}), f32({1, 2}, {30, 10})},
                               {{"axis", std::int64_t{1}}},
                               {f32({1, 3}, {10, 2, 30})},
                               0},
                              {"added",
                               {f32({2}, {1, 2}), i64({2}, {1, 1}), f32({2}, {3, 4})},
                               {{"reduction", std::string("add")}},
                               {f32({2}, {1, 9})}}};
            },
    },
    {
        .name = "ScatterND",
        .since = 18,
        .summary = "A copy with slices replaced at the positions in the indices.",
        .inputs = "data indices:i64 updates:data",
        .outputs = "output",
        .types = any_type,
        .attributes = of_scatter_nd,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"a row",
                               {f32({2, 2}, {1, 2, 3, 4}), i64({1, 1}, {1}), f32({1, 2}, {30, 40})},
                               {},
                               {f32({2, 2}, {1, 2, 30, 40})},
                               0}};
            },
    },
    {
        .domain = "",
        .name = "Scatter",
        .since = 11,
        .summary = "Renamed to ScatterElements in opset 11.",
        .inputs = "data indices updates",
        .outputs = "output",
        .types = any_type,
        .attributes = {},
        .infer = nullptr,
        .upgrade = rename_scatter,
        .examples = nullptr,
    },
};
constexpr OpRun runs[] = {{"", "GatherElements", gather_elements},
                          {"", "GatherND", gather_nd},
                          {"", "ScatterElements", scatter_elements},
                          {"", "ScatterND", scatter_nd}};

}  // namespace

std::span<const OpDef> scatter_ops() { return defs; }
std::span<const OpRun> scatter_runs() { return runs; }

}  // namespace modelctl::ops
