// Gather: picks slices along one axis by index. Negative indices count from the end.
//
//   output[o..., i..., r...] = data[o..., indices[i...], r...], with o before the axis and r behind it
//
// Indices of rank 0 remove the axis; those of rank 2, as in a table of embeddings, put two in its place.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The output's shape is data's with the axis replaced by the shape of the indices. A Gather from a Shape keeps its
// contents: this is how exporters read one size of a tensor.
Result<void> infer(Inference& call) {
  const Shape* data = call.shape(0);
  const Shape* indices = call.shape(1);
  if (data == nullptr || indices == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), data->size()));
  Shape shape(data->begin(), data->begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), indices->begin(), indices->end());
  shape.insert(shape.end(), data->begin() + static_cast<std::ptrdiff_t>(axis) + 1, data->end());
  call.set_output(0, call.element(0), shape);

  // Contents are those of a list, picked by a scalar or a list. A scalar gives rank 0, as one size has. An index that
  // is outside is certain to fail, so the build says so.
  auto contents = call.contents(0);
  auto picks = known_integers(call, 1);
  if (!contents || !picks || data->size() != 1 || indices->size() > 1) return {};
  std::vector<Expr> all;
  auto size = static_cast<std::int64_t>(contents->size());
  for (std::int64_t pick : *picks) {
    if (pick < -size || pick >= size) return call.bad("index " + std::to_string(pick) + " is outside of its input");
    all.push_back((*contents)[static_cast<std::size_t>(pick < 0 ? pick + size : pick)]);
  }
  call.set_contents(0, std::move(all));
  return {};
}

// Every index is checked before it is used, since indices are data: an index outside of the axis fails the run. All
// indices are checked before the output is allocated, and negative ones, since opset 11, are resolved once. What lies
// after the axis is contiguous: each index copies one run.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& data = call.input(0);
  const TensorView& picks = call.input(1);
  TRY(need_rank(data, 1, "data"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), data.rank()));
  Dims at = TRY(indices(picks, data.dim(axis)));
  Dims dims(data.dims.begin(), data.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), picks.dims.begin(), picks.dims.end());
  dims.insert(dims.end(), data.dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.dims.end());
  MutableTensorView y = TRY(outputs.allocate(0, data.type, dims));
  return for_storage(data.type, [&]<class T>() -> Result<void> {
    std::int64_t outer = product(data.dims.first(axis));
    std::int64_t inner = product(data.dims.subspan(axis + 1));
    const T* in = data.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t row = 0; row < outer; ++row) {
      for (std::int64_t index : at) out = std::copy_n(in + (row * data.dim(axis) + index) * inner, inner, out);
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {{"axis", AttributeType::integer, "the axis to pick along; 0 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Gather",
        .since = 13,
        .summary = "Picks slices along an axis; negative indices count from the end.",
        .inputs = "data indices:i32,i64",
        .outputs = "output",
        .types = "any",
        .attributes = attributes,
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{
                  {"rows", {f32({3, 2}, {1, 2, 3, 4, 5, 6}), i64({2}, {-1, 0})}, {}, {f32({2, 2}, {5, 6, 1, 2})}, 0},
                  {"one column",
                   {f32({3, 2}, {1, 2, 3, 4, 5, 6}), i64({}, {1})},
                   {{"axis", std::int64_t{1}}},
                   {f32({3}, {2, 4, 6})},
                   0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Gather", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> gather_ops() { return defs; }
std::span<const OpRun> gather_runs() { return runs; }

}  // namespace modelctl::ops
