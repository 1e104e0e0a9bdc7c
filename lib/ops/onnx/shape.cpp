// Shape and Size: a tensor's dimensions as a tensor. Inference follows their values symbolically, so that shapes
// computed from them (Gather, Mul, Concat) are known before the model runs.
//
// The attributes start and end came with opset 15; their defaults are the whole shape, so older nodes need no upgrade.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

// start and end select a range of axes and clamp, as Python slices do.
struct Bounds {
  std::size_t start, end;
};

// The range of axes that start and end select; both clamp.
Bounds bounds(const Attributes& attributes, std::size_t rank) {
  auto size = static_cast<std::int64_t>(rank);
  auto clamp = [&](std::int64_t at) { return std::clamp(at < 0 ? at + size : at, std::int64_t{0}, size); };
  std::int64_t start = clamp(attributes.integer("start", 0));
  // An end before the start selects nothing; it is not an error.
  std::int64_t end = std::max(start, clamp(attributes.integer("end", size)));
  return {static_cast<std::size_t>(start), static_cast<std::size_t>(end)};
}

Result<void> infer_shape(Inference& call) {
  const graph::Shape* in = call.shape(0);
  if (in == nullptr) {
    call.set_output(0, DType::i64, graph::Shape{call.fresh_symbol()});
    return {};
  }
  auto [start, end] = bounds(call.attributes(), in->size());
  call.set_output(0, DType::i64, graph::Shape{Expr(static_cast<std::int64_t>(end - start))});
  call.set_contents(0, std::vector<Expr>(in->begin() + static_cast<std::ptrdiff_t>(start),
                                         in->begin() + static_cast<std::ptrdiff_t>(end)));
  return {};
}

// Neither operator reads an element, so that all types will do.
Result<void> shape(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto [start, end] = bounds(call.attributes, x.rank());
  std::int64_t count = static_cast<std::int64_t>(end - start);
  MutableTensorView y = TRY(outputs.allocate(0, DType::i64, {&count, 1}));
  std::copy_n(x.dims.begin() + static_cast<std::ptrdiff_t>(start), count, y.as<std::int64_t>().begin());
  return {};
}

Result<void> infer_size(Inference& call) {
  call.set_output(0, DType::i64, graph::Shape{});
  if (const graph::Shape* in = call.shape(0)) call.set_contents(0, {product(*in)});
  return {};
}

Result<void> size(const Call& call, Outputs& outputs) {
  MutableTensorView y = TRY(outputs.allocate(0, DType::i64, {}));
  y.as<std::int64_t>()[0] = call.input(0).elements();
  return {};
}

constexpr AttributeDef of_shape[] = {
    {"start", AttributeType::integer, "the first axis; 0 if absent, negative from the end"},
    {"end", AttributeType::integer, "the axis after the last one; the rank if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Shape",
        .since = 25,
        .summary = "The dimensions of a tensor.",
        .inputs = "data",
        .outputs = "shape",
        .types = "any",
        .attributes = of_shape,
        .infer = infer_shape,
        .examples =
            [] {
              return Examples{{"all", {f32({2, 1}, {1, 2})}, {}, {i64({2}, {2, 1})}, 0},
                              {"the last", {f32({2, 1}, {1, 2})}, {{"start", std::int64_t{-1}}}, {i64({1}, {1})}, 0}};
            },
    },
    {
        .name = "Size",
        .since = 25,
        .summary = "How many elements a tensor has.",
        .inputs = "data",
        .outputs = "size",
        .types = "any",
        .infer = infer_size,
        .examples =
            [] {
              return Examples{{"two", {f32({2, 1}, {1, 2})}, {}, {i64({}, {2})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Shape", shape}, {"", "Size", size}};

}  // namespace

std::span<const OpDef> shape_ops() { return defs; }
std::span<const OpRun> shape_runs() { return runs; }

}  // namespace modelctl::ops
