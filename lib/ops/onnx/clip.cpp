// Clip: numbers limited to [min, max]; either bound may be absent. NaN stays NaN.
#include "ops/family/elementwise.hpp"
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// The common type is only checked: a bound of another type fails when the model is built.
Result<void> infer(Inference& call) {
  TRY(common_element(call));
  return infer_same(call);
}

// If min > max every element becomes max, as min(max(x, min), max) gives; ONNX says the same. A NaN bound fails its
// comparison and does not limit. ONNX wants bounds of rank 0; exporters also write lists of one, which are taken.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &least = call.input(1), &most = call.input(2);
  for (const TensorView* bound : {&least, &most}) {
    if (!bound->present()) continue;
    TRY(same_type(x, *bound));
    if (bound->elements() != 1) return refuse("a bound must have one element");
  }
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    // An absent bound is not the limit of the type: that would clip infinities.
    std::optional<W> low, high;
    if (least.present()) low = load(least.data, 0);
    if (most.present()) high = load(most.data, 0);
    std::int64_t count = x.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      W value = load(x.data, i);
      if (low && value < *low) value = *low;  // NaN stays
      if (high && value > *high) value = *high;
      store(y.data, i, value);
    }
  });
  return {};
}

// Until opset 10 the bounds were f32 attributes. CastLike gives them the type of x, which may not be known yet. The old
// defaults were the lowest and the greatest f32; an absent attribute is taken as an absent bound, so that infinities
// pass, as in the newer form.
Result<void> upgrade(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  std::size_t index = 1;
  for (std::string_view name : {"min", "max"}) {
    if (node.attributes.has(name)) {
      graph::Value* bound = upgrade.constant(Tensor::scalar(DType::f32, node.attributes.number(name)));
      if (node.input(0)->type.element != DType::f32) bound = upgrade.insert("CastLike", {bound, node.input(0)});
      node.set_input(index, bound);
      node.attributes.erase(name);
    }
    ++index;
  }
  return {};
}

constexpr OpDef defs[] = {
    {
        .name = "Clip",
        .since = 13,
        .summary = "Numbers limited to two bounds; an absent bound does not limit.",
        .inputs = "input min?:input max?:input",
        .outputs = "output",
        .types = number_types,
        .traits = unary_elementwise,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade,
        .lower = lower_unary("Clip"),
        .examples =
            [] {
              return Examples{
                  {"both bounds",
                   {f32({4}, {-1, 0.5f, 2, NAN}), f32({}, {0}), f32({}, {1})},
                   {},
                   {f32({4}, {0, 0.5f, 1, NAN})},
                   0},
                  {"the upper alone", {i64({2}, {1, 9}), Tensor(), i64({}, {6})}, {}, {i64({2}, {1, 6})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Clip", evaluate}};

}  // namespace

std::span<const OpDef> clip_ops() { return defs; }
std::span<const OpRun> clip_runs() { return runs; }

}  // namespace modelctl::ops
