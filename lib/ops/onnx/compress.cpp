// Compress: the slices along an axis, or elements of the flattened tensor, where a condition is true.
//
// Smallest runner: regular, since exporters write this selection as NonZero and Gather.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

// How many slices remain depends on the data: the size is a new symbol, known when the step has run.
Result<void> infer(Inference& call) {
  const Shape* x = call.shape(0);
  std::optional<Shape> y = Shape{call.fresh_symbol()};
  // Without an axis the input is flattened, so that the output has rank 1 whatever the input's.
  if (call.attributes().has("axis")) {
    if (x != nullptr) {
      std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), x->size()));
      graph::Expr count = (*y)[0];
      y = *x;
      (*y)[axis] = count;
    } else {
      y.reset();
    }
  }
  call.set_output(0, call.element(0), y);
  return {};
}

// The condition may be shorter than the axis: what it does not cover is dropped.
//
// A condition of another rank than 1, as paddle2onnx writes it for masked_select, is flattened, as ONNX Runtime does.
//
// As numpy.compress: along an axis, the tensor is [outer, count, inner] around it, and slices of `inner` elements are
// copied; flattened, it is [1, elements, 1]. The condition is turned into a list of indices first, since their number
// is needed for the allocation.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &condition = call.input(1);
  if (condition.type != DType::boolean) return refuse("the condition must be bool");
  std::int64_t outer = 1, count = x.elements(), inner = 1;
  Dims dims{0};
  std::size_t axis = 0;
  if (call.attributes.has("axis")) {
    axis = TRY(axis_index(call.attributes.integer("axis"), x.rank()));
    outer = product(x.dims.first(axis)), count = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
    dims.assign(x.dims.begin(), x.dims.end());
  }
  Dims picked;  // a condition may be shorter; what it does not cover is not selected
  for (std::int64_t i = 0; i < condition.elements(); ++i) {
    if (!condition.as<bool>()[static_cast<std::size_t>(i)]) continue;
    // A condition longer than the axis is fine as long as it is false there, as in numpy.
    if (i >= count) return refuse("the condition picks " + std::to_string(i) + " of " + std::to_string(count));
    picked.push_back(i);
  }
  dims[axis] = static_cast<std::int64_t>(picked.size());
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t row = 0; row < outer; ++row) {
      for (std::int64_t i : picked) {
        const T* from = in + (row * count + i) * inner;
        out = std::copy(from, from + inner, out);
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the axis of the slices; single elements if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Compress",
        .since = 11,
        .summary = "The slices along an axis, or the elements, that a condition selects.",
        .inputs = "input condition:bool",
        .outputs = "output",
        .types = any_type,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"columns",
                               {f32({2, 3}, {1, 2, 3, 4, 5, 6}), boolean({3}, {true, false, true})},
                               {{"axis", std::int64_t{1}}},
                               {f32({2, 2}, {1, 3, 4, 6})},
                               0},
                              {"elements, by a condition that is too short",
                               {i64({2, 2}, {1, 2, 3, 4}), boolean({3}, {false, true, true})},
                               {},
                               {i64({2}, {2, 3})},
                               0},
                              {"elements, by a condition of the input's shape",
                               {f32({2, 2}, {1, 2, 3, 4}), boolean({2, 2}, {true, false, false, true})},
                               {},
                               {f32({2}, {1, 4})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Compress", evaluate}};

}  // namespace

std::span<const OpDef> compress_ops() { return defs; }
std::span<const OpRun> compress_runs() { return runs; }

}  // namespace modelctl::ops
