// CumSum and CumProd: running sums and products along an axis.
//
// Smallest runner: regular, since running products are rare; models write running sums in other ways too.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// The four forms (exclusive or not, from the front or the back) differ in whether an element is stored before or after
// it is added, and in the sign of the step. Floats accumulate in f64.
//
// y[i] = x[0] + ... + x[i]; exclusive leaves x[i] out, so that the first result is the neutral element, 0 of sums and 1
// of products. Results are rounded when they are stored and not in between. Integers wrap in 64 bits, the lower bits of
// which are those of arithmetic in the element type.
template <bool products>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "x"));
  // The axis is an input here, not an attribute; the shape does not depend on it, so infer_same is enough.
  std::size_t axis = TRY(axis_index(TRY(one_integer(call.input(1), "axis")), x.rank()));
  bool exclusive = call.attributes.integer("exclusive") != 0, reverse = call.attributes.integer("reverse") != 0;
  std::int64_t length = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    for (std::int64_t group = 0; group < product(x.dims.first(axis)) * inner; ++group) {
      if (call.interrupted()) return;
      // A group is one line along the axis of [outer, length, inner]; its elements are `inner` apart.
      std::int64_t base = group / inner * length * inner + group % inner;
      W all{products};
      for (std::int64_t i = 0; i < length; ++i) {
        std::int64_t at = base + (reverse ? length - 1 - i : i) * inner;
        W value = load(x.data, at), next = products ? wrap_multiply(all, value) : wrap_add(all, value);
        store(y.data, at, exclusive ? all : next);
        all = next;
      }
    }
  });
  return {};
}

constexpr AttributeDef attributes[] = {
    {"exclusive", AttributeType::integer, "0 if absent; 1: without the element itself"},
    {"reverse", AttributeType::integer, "0 if absent; 1: from the end"}};
const Attributes backward() { return {{"exclusive", std::int64_t{1}}, {"reverse", std::int64_t{1}}}; }

constexpr OpDef defs[] = {
    {
        .name = "CumSum",
        .since = 14,
        .summary = "Running sums along an axis.",
        .inputs = "x axis:i32,i64",
        .outputs = "y",
        .types = number_types,
        .attributes = attributes,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{
                  {"forward", {f32({3}, {1, 2, 3}), i64({}, {0})}, {}, {f32({3}, {1, 3, 6})}},
                  {"backward, without itself", {f32({3}, {1, 2, 3}), i32({}, {0})}, backward(), {f32({3}, {5, 3, 0})}}};
            },
    },
    {
        .name = "CumProd",
        .since = 26,
        .summary = "Running products along an axis.",
        .inputs = "x axis:i32,i64",
        .outputs = "y",
        .types = number_types,
        .attributes = attributes,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{
                  {"forward, of columns", {f32({2, 2}, {1, 2, 3, 4}), i64({}, {0})}, {}, {f32({2, 2}, {1, 2, 3, 8})}},
                  {"backward, without itself",
                   {i32({3}, {2, 3, 4}), i32({}, {-1})},
                   backward(),
                   {i32({3}, {12, 4, 1})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "CumSum", evaluate<false>}, {"", "CumProd", evaluate<true>}};

}  // namespace

std::span<const OpDef> cumulative_ops() { return defs; }
std::span<const OpRun> cumulative_runs() { return runs; }

}  // namespace modelctl::ops
