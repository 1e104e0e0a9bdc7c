// Where: one of two elements, as a condition says, with broadcasting of all three.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

// The contents of small integer tensors are kept if the condition is known: exporters choose between sizes with it.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call, {1, 2}));
  call.set_output(0, element, TRY(broadcast_inputs(call)));
  auto condition = call.contents(0), x = call.contents(1), y = call.contents(2);
  if (!condition || !x || !y || !is_integer(element)) return {};
  // Contents are of rank 0 or 1 and broadcast like their tensors: a single element meets every other one.
  std::size_t count = std::max({condition->size(), x->size(), y->size()});
  auto at = [&](const std::vector<Expr>& list, std::size_t i) { return list[list.size() == 1 ? 0 : i]; };
  std::vector<Expr> all;
  for (const auto* list : {&*condition, &*x, &*y}) {
    // Vectors of different lengths do not broadcast; broadcast_inputs has reported those that are known.
    if (list->size() != 1 && list->size() != count) return {};
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto truth = at(*condition, i).constant();
    if (!truth) return {};
    all.push_back(*truth != 0 ? at(*x, i) : at(*y, i));
  }
  call.set_contents(0, std::move(all));
  return {};
}

// Both operands are read only where they are chosen, and copied by storage width: a NaN in the other one has no effect,
// unlike in a blend by multiplication.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &condition = call.input(0), &a = call.input(1), &b = call.input(2);
  if (condition.type != DType::boolean) return refuse("the condition must be bool");
  TRY(same_type(a, b));
  Dims dims = TRY(broadcast_dims(TRY(broadcast_dims(condition.dims, a.dims)), b.dims));
  MutableTensorView y = TRY(outputs.allocate(0, a.type, dims));
  return for_storage(a.type, [&]<class T>() -> Result<void> {
    const bool* truth = condition.as<bool>().data();
    const T *yes = a.as<T>().data(), *no = b.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<3>(
        dims,
        {broadcast_strides(condition.dims, dims), broadcast_strides(a.dims, dims), broadcast_strides(b.dims, dims)},
        [&](std::int64_t i, const std::array<std::int64_t, 3>& at) { out[i] = truth[at[0]] ? yes[at[1]] : no[at[2]]; });
    return {};
  });
}

constexpr OpDef defs[] = {
    {
        .name = "Where",
        .since = 16,
        .summary = "The first tensor's element if the condition holds, otherwise the second's.",
        .inputs = "condition X Y:X",
        .outputs = "output",
        .types = "bool",
        .traits = broadcasting,
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"a row of conditions",
                               {boolean({2}, {true, false}), f32({2, 2}, {1, 2, 3, 4}), f32({}, {0})},
                               {},
                               {f32({2, 2}, {1, 0, 3, 0})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Where", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> where_ops() { return defs; }
std::span<const OpRun> where_runs() { return runs; }

}  // namespace modelctl::ops
