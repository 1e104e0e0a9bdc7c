// ArgMax and ArgMin: the index of the greatest or least element along an axis.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <functional>

namespace modelctl::ops {
namespace {

// The axis becomes 1 with keepdims (the default) and disappears without. Opset 11 added negative axes and opset 12
// select_last_index: older nodes are special cases of this form, and need no upgrade.
Result<void> infer(Inference& call) {
  const graph::Shape* in = call.shape(0);
  if (in == nullptr) {
    call.set_output(0, DType::i64, std::nullopt);
    return {};
  }
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), in->size()));
  graph::Shape shape = *in;
  if (call.attributes().integer("keepdims", 1) != 0) shape[axis] = graph::Expr(1);
  else shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  call.set_output(0, DType::i64, std::move(shape));
  return {};
}

// Of equal elements the first wins, or the last with select_last_index.
//
// The tensor is seen as [outer, length, inner] around the axis; candidates for one result are `inner` apart. Every
// comparison with NaN is false: a NaN in front stays the best, and one further on is skipped. ONNX defines neither.
template <class Better>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "data"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), x.rank()));
  bool last = call.attributes.integer("select_last_index") != 0;
  Dims dims(x.dims.begin(), x.dims.end());
  if (call.attributes.integer("keepdims", 1) != 0) dims[axis] = 1;
  else dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  std::int64_t length = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
  std::int64_t outer = product(x.dims.first(axis));
  // An empty axis has no greatest element. If nothing is asked for (another axis is empty as well), the output is
  // empty, and that is fine.
  if (length == 0 && outer * inner > 0) return refuse("the axis is empty");
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, DType::i64, dims));
  // Compared as f64, i64 or u64, which hold their element types exactly: distinct elements stay distinct, and u64
  // beyond 2^63 stays above the rest.
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto in = [&](std::int64_t row, std::int64_t at, std::int64_t column) {
      return load(x.data, (row * length + at) * inner + column);
    };
    std::int64_t* out = y.as<std::int64_t>().data();
    for (std::int64_t row = 0; row < outer; ++row) {
      for (std::int64_t column = 0; column < inner; ++column) {
        std::int64_t best = 0;
        for (std::int64_t at = 1; at < length; ++at) {
          auto now = in(row, at, column), before = in(row, best, column);
          if (Better()(now, before) || (last && now == before)) best = at;
        }
        *out++ = best;
      }
    }
  });
  return {};
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the axis to search along; 0 if absent"},
    {"keepdims", AttributeType::integer, "1 if absent: the axis stays with size 1; 0: it is removed"},
    {"select_last_index", AttributeType::integer, "0 if absent: the first of equal elements; 1: the last"}};

constexpr OpDef defs[] = {
    {
        .name = "ArgMax",
        .since = 13,
        .summary = "The index of the greatest element along an axis.",
        .inputs = "data",
        .outputs = "reduced",
        .types = number_types,
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::first},
        .infer = infer,
        .examples =
            [] {
              return Examples{{"of each row",
                               {f32({2, 3}, {1, 3, 3, 6, 5, 4})},
                               {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}},
                               {i64({2}, {1, 0})},
                               0},
                              {"the last of equal ones",
                               {f32({3}, {1, 3, 3})},
                               {{"select_last_index", std::int64_t{1}}},
                               {i64({1}, {2})},
                               0}};
            },
    },
    {
        .name = "ArgMin",
        .since = 13,
        .summary = "The index of the least element along an axis.",
        .inputs = "data",
        .outputs = "reduced",
        .types = number_types,
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::first},
        .infer = infer,
        .examples =
            [] {
              return Examples{{"of each column", {f32({2, 2}, {1, 4, 3, 2})}, {}, {i64({1, 2}, {0, 1})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "ArgMax", evaluate<std::greater<>>}, {"", "ArgMin", evaluate<std::less<>>}};

}  // namespace

std::span<const OpDef> arg_ops() { return defs; }
std::span<const OpRun> arg_runs() { return runs; }

}  // namespace modelctl::ops
