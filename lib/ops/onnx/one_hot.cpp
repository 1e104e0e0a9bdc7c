// OneHot: each index becomes a row with one value at the index and another everywhere else.
#include "ops/reference/convert.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

Result<void> infer(Inference& call) {
  const graph::Shape* indices = call.shape(0);
  std::optional<graph::Shape> shape;
  if (indices != nullptr) {
    std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis", -1), indices->size() + 1));
    auto depth = call.contents(1);
    shape = *indices;
    shape->insert(shape->begin() + static_cast<std::ptrdiff_t>(axis),
                  depth && depth->size() == 1 ? (*depth)[0] : call.fresh_symbol());
  }
  call.set_output(0, call.element(2), std::move(shape));
  return {};
}

// Indices may be floats, which are truncated. Negative ones count from the end; those outside of [-depth, depth) give a
// row without the on value, as the specification demands, not an error.
//
// The indices are seen as [outer, inner] around the new axis and the output as [outer, depth, inner], so that index (o,
// i) sets element (o, index, i). Indices are collected before the output is allocated: their types and the values' are
// independent, and one loop for each combination would be compiled otherwise.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &indices = call.input(0), &values = call.input(2);
  if (!indices.present()) return refuse("the indices are absent");
  // depth may be of any number type and of rank 0 or 1.
  auto depth = saturated<std::int64_t>(TRY(one_number(call.input(1), "depth")));
  if (depth < 0) return refuse("depth is negative");
  if (values.rank() != 1 || values.dim(0) != 2) return refuse("values must be two: off and on");
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -1), indices.rank() + 1));
  Dims dims(indices.dims.begin(), indices.dims.end());
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  std::vector<std::int64_t> at;
  TRY(for_type<Numbers>(indices.type, [&]<class T>() -> Result<void> {
    for (T index : indices.as<T>()) {
      // As Cast converts: toward zero, and 0 for NaN.
      auto whole = convert<std::int64_t>(index);
      at.push_back(whole < 0 ? whole + depth : whole);
    }
    return {};
  }));
  MutableTensorView y = TRY(outputs.allocate(0, values.type, dims));
  return for_storage(values.type, [&]<class T>() -> Result<void> {
    auto value = values.as<T>();
    auto out = y.as<T>();
    std::fill(out.begin(), out.end(), value[0]);
    std::int64_t inner = product(indices.dims.subspan(axis));
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(at.size()); ++i) {
      std::int64_t index = at[static_cast<std::size_t>(i)];
      if (index < 0 || index >= depth) continue;  // an index outside of the range has no "on" value
      out[static_cast<std::size_t>((i / inner * depth + index) * inner + i % inner)] = value[1];
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the position of the new axis; last if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "OneHot",
        .since = 11,
        .summary = "Rows that have one value at the index and another everywhere else.",
        .inputs = "indices depth:integers,f32,f64,f16 values",
        .outputs = "output",
        .types = number_types,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"an index outside has no row",
                               {i64({3}, {0, -1, 7}), i64({}, {2}), f32({2}, {0, 1})},
                               {},
                               {f32({3, 2}, {1, 0, 0, 1, 0, 0})},
                               0},
                              {"a new first axis",
                               {i64({2}, {0, 1}), i64({1}, {3}), f32({2}, {0, 5})},
                               {{"axis", std::int64_t{0}}},
                               {f32({3, 2}, {5, 0, 0, 5, 0, 0})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "OneHot", evaluate}};

}  // namespace

std::span<const OpDef> one_hot_ops() { return defs; }
std::span<const OpRun> one_hot_runs() { return runs; }

}  // namespace modelctl::ops
