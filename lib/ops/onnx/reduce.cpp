// The ten Reduce operators: one number for each group of elements along some axes. Floats are accumulated in f64 and
// rounded once, so the result does not depend on the order; integers wrap in their own type.
//
// One pass over the input in memory order serves every choice of axes: the output is seen with stride 0 along the
// reduced axes, so that the walk yields each element's group, and every group has an accumulator of 8 bytes. Narrow
// integers are accumulated in i64 or u64 and drop the upper bits when they are stored, so that sums wrap in their own
// type, and the sum behind a mean of i32 does not wrap.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/convert.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// A reduction starts at start() of the element type (f64 for floats), adds each element by step(), and ends by
// finish(), which gets the number of elements.
struct Plain {
  template <class A>
  static A start() {
    return A{0};
  }
  template <class A>
  static A finish(A sum, std::int64_t) {
    return sum;
  }
};
// An empty group gives the start value: 0 for sums, 1 for products, minus infinity (or the least integer) for maxima.
// These are the neutral elements that the specification lists.
struct Sum : Plain {
  template <class A>
  static A step(A sum, A x) {
    return wrap_add(sum, x);
  }
};
// The mean of an empty group of floats is NaN (0 / 0), as numpy has it, of integers 0; the specification leaves both
// undefined. Integer division truncates.
struct Mean : Sum {
  template <class A>
  static A finish(A sum, std::int64_t count) {
    if constexpr (std::is_integral_v<A>) return count == 0 ? A{0} : static_cast<A>(sum / static_cast<A>(count));
    else return sum / static_cast<A>(count);
  }
};
struct Product : Plain {
  template <class A>
  static A start() {
    return A{1};
  }
  template <class A>
  static A step(A sum, A x) {
    return wrap_multiply(sum, x);
  }
};
// NaN wins over every number, wherever it comes: a NaN accumulator stays, and no comparison with a NaN element is true,
// so that the element replaces the accumulator. Of truth values these are "any" and "all".
struct Max : Plain {
  template <class A>
  static A start() {
    return std::numeric_limits<A>::has_infinity ? -std::numeric_limits<A>::infinity()
                                                : std::numeric_limits<A>::lowest();
  }
  template <class A>
  static A step(A a, A b) {
    return a != a || a > b ? a : b;
  }
};
struct Min : Plain {
  template <class A>
  static A start() {
    return std::numeric_limits<A>::has_infinity ? std::numeric_limits<A>::infinity() : std::numeric_limits<A>::max();
  }
  template <class A>
  static A step(A a, A b) {
    return a != a || a < b ? a : b;
  }
};
// The magnitude of the least integer wraps, as in Abs.
struct L1 : Plain {
  template <class A>
  static A step(A sum, A x) {
    return wrap_add(sum, x < A{0} ? wrap_subtract(A{0}, x) : x);
  }
};
struct SumSquare : Plain {
  template <class A>
  static A step(A sum, A x) {
    return wrap_add(sum, wrap_multiply(x, x));
  }
};
// In f64 the squares of f32 elements cannot overflow; those of f64 elements can, and are not rescaled.
struct L2 : SumSquare {
  template <class A>
  static A finish(A sum, std::int64_t) {
    return static_cast<A>(std::sqrt(static_cast<double>(sum)));
  }
};
struct LogSum : Sum {
  template <class A>
  static A finish(A sum, std::int64_t) {
    return static_cast<A>(std::log(static_cast<double>(sum)));
  }
};
// The running sum is kept as its logarithm, so that it cannot overflow:
//
//   log(e^a + e^b) = max(a, b) + log1p(e^(min(a, b) - max(a, b)))
//
// The exponent is never positive, and log1p keeps a small second term that 1 + e^d would round away. Infinities are
// handled before, since their difference is NaN: the start value, minus infinity, adds nothing; plus infinity stays.
struct LogSumExp : Plain {
  template <class A>
  static A start() {
    return Max::start<A>();
  }
  template <class A>
  static A step(A sum, A x) {
    auto a = static_cast<double>(sum), b = static_cast<double>(x);
    if (a != a || b != b) return static_cast<A>(a + b);
    double most = std::max(a, b), least = std::min(a, b);
    if (std::isinf(most) || std::isinf(least)) return static_cast<A>(most);
    return static_cast<A>(most + std::log1p(std::exp(least - most)));
  }
};

// Which of `rank` axes are reduced: those given, or all if none is given.
std::vector<bool> reduced(const std::vector<std::size_t>& axes, std::size_t rank) {
  std::vector<bool> all(rank, axes.empty());
  for (std::size_t axis : axes) all[axis] = true;
  return all;
}

// What is common to all of them: element i of x belongs to the group at the i-th offset of a walk by `strides`.
struct Groups {
  Dims strides;
  std::int64_t size = 1;
  MutableTensorView y;
};

Result<Groups> groups_of(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims listed;
  if (call.input(1).present()) listed = TRY(integers(call.input(1), "axes"));
  std::vector<std::size_t> axes = TRY(axis_indices(listed, x.rank()));
  std::vector<bool> goes = reduced(axes, x.rank());
  // Without axes, each element may be a group of its own: the operator's function still applies to it.
  if (axes.empty() && call.attributes.integer("noop_with_empty_axes") != 0) goes.assign(x.rank(), false);
  Groups groups;
  Dims dims, ones(x.dims.begin(), x.dims.end());
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (!goes[axis]) {
      dims.push_back(x.dim(axis));
      continue;
    }
    groups.size *= x.dim(axis);
    ones[axis] = 1;
    if (call.attributes.integer("keepdims", 1) != 0) dims.push_back(1);
  }
  groups.strides = broadcast_strides(ones, x.dims);
  groups.y = TRY(outputs.allocate(0, x.type, dims));
  return groups;
}

template <class F, class W>
void reduce(const TensorView& x, const Groups& groups, W start) {
  auto load = load_of<W>(x.type);
  auto store = store_of<W>(x.type);
  std::vector<W> sums(static_cast<std::size_t>(groups.y.elements()), start);
  for_each_index<1>(x.dims, {groups.strides}, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
    W& sum = sums[static_cast<std::size_t>(at[0])];
    sum = F::template step<W>(sum, load(x.data, i));
  });
  std::int64_t i = 0;
  for (W sum : sums) store(groups.y.data, i++, F::template finish<W>(sum, groups.size));
}

// Logarithms of integers are computed in f64 and truncated. The elements are converted first, so that the accumulator
// is a float too: a logarithm kept as an integer would lose its fraction at each step. The integers' output is
// allocated before and filled at the end.
template <class F>
Result<void> evaluate_log(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  Groups groups = TRY(groups_of(call, outputs));
  if (holds<Floats>(x.type)) return reduce<F>(x, groups, F::template start<double>()), Result<void>();
  Tensor wide(DType::f64, Dims(x.dims.begin(), x.dims.end()));
  Tensor result(DType::f64, Dims(groups.y.dims.begin(), groups.y.dims.end()));
  TRY(convert_elements(x, wide.mutable_view()));
  MutableTensorView y = std::exchange(groups.y, result.mutable_view());
  reduce<F>(wide.view(), groups, F::template start<double>());
  return convert_elements(result.view(), y);
}

// Types are the element types that the operator takes; F is the reduction.
template <class Types, class F>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Types>(x.type)) return refuse_type(x.type);
  Groups groups = TRY(groups_of(call, outputs));
  (void)with_type<Types>(x.type, [&]<class T>() {
    using A = std::conditional_t<std::is_integral_v<T>, T, double>;
    reduce<F>(x, groups, static_cast<wide_t<T>>(F::template start<A>()));
  });
  return {};
}

Result<void> infer(Inference& call) {
  const Shape* in = call.shape(0);
  bool keep = call.attributes().integer("keepdims", 1) != 0;
  auto listed = known_integers(call, 1);
  auto length = known_length(call, 1);
  if (!call.present(1)) listed = Dims{};
  // Unknown axes leave the rank if keepdims keeps it, or if their number is known; only the sizes are then open. No
  // axes may mean all of them, which a list of length 0 does not decide.
  if (in == nullptr || !listed) {
    std::optional<Shape> shape;
    if (in != nullptr && keep) shape = unknown_shape(call, in->size());
    else if (in != nullptr && length && *length > 0 && *length <= static_cast<std::int64_t>(in->size()))
      shape = unknown_shape(call, in->size() - static_cast<std::size_t>(*length));
    call.set_output(0, call.element(0), std::move(shape));
    return {};
  }
  std::vector<std::size_t> axes = TRY(normal_axes(call, *listed, in->size()));
  if (axes.empty() && call.attributes().integer("noop_with_empty_axes") != 0) return infer_same(call);
  std::vector<bool> goes = reduced(axes, in->size());
  Shape shape;
  for (std::size_t axis = 0; axis < in->size(); ++axis) {
    if (!goes[axis]) shape.push_back((*in)[axis]);
    else if (keep) shape.push_back(Expr(1));
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The product or sum of sizes is a size: exporters flatten a tensor by ReduceProd of its Shape.
template <bool multiplied>
Result<void> infer_total(Inference& call) {
  TRY(infer(call));
  auto contents = call.contents(0);
  const Shape* in = call.shape(0);
  if (!contents || in == nullptr || in->size() != 1 || !is_integer(call.element(0))) return {};
  auto axes = call.present(1) ? known_integers(call, 1) : Dims();
  bool none_is_all = call.attributes().integer("noop_with_empty_axes") == 0;
  if (!axes || (axes->empty() && !none_is_all)) return {};
  Expr total = multiplied ? 1 : 0;
  for (const Expr& size : *contents) total = multiplied ? total * size : total + size;
  call.set_contents(0, {total});
  return {};
}

// Until opset 17 (ReduceSum: 12) the axes were an attribute.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.attribute_to_input("axes", 1);
  return {};
}

constexpr AttributeDef attributes[] = {
    {"keepdims", AttributeType::integer, "1 if absent: a reduced axis stays with size 1; 0: it is removed"},
    {"noop_with_empty_axes", AttributeType::integer, "0 if absent: no axes mean all axes; 1: they mean none"}};

constexpr Types types = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64";

constexpr Types types_and_bool = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64 bool";

constexpr OpDef def(std::string_view name, int since, std::string_view summary, std::vector<Example> (*examples)(),
                    Result<void> (*inference)(Inference&) = infer, Types takes = types) {
  return {
      .name = name,
      .since = since,
      .summary = summary,
      .inputs = "data axes?",
      .outputs = "reduced",
      .types = takes,
      .attributes = attributes,
      .traits = {.axes_input = 1},
      .infer = inference,
      .short_floats = ShortFloats::widen,
      .upgrade = upgrade,
      .examples = examples,
  };
}

// The rows of {{1, 2}, {3, 4}} reduced to these two.
Examples rows(float first, float second) {
  return {{"the rows of a matrix",
           {f32({2, 2}, {1, 2, 3, 4}), i64({1}, {1})},
           {{"keepdims", std::int64_t{0}}},
           {f32({2}, {first, second})}}};
}

constexpr OpDef defs[] = {
    def(
        "ReduceSum", 13, "The sum along axes.",
        [] {
          Examples all = rows(3, 7);
          all.push_back({"all axes, which stay", {f32({2, 2}, {1, 2, 3, 4})}, {}, {f32({1, 1}, {10})}});
          all.push_back(
              {"no axes", {f32({2}, {1, 2})}, {{"noop_with_empty_axes", std::int64_t{1}}}, {f32({2}, {1, 2})}});
          all.push_back({"an empty list of axes of sizes",
                         {i64({2}, {1, 2}), i64({0}, {})},
                         {{"noop_with_empty_axes", std::int64_t{1}}},
                         {i64({2}, {1, 2})},
                         0});
          return all;
        },
        infer_total<false>),
    def("ReduceMean", 18, "The mean along axes.", [] { return rows(1.5f, 3.5f); }),
    def(
        "ReduceProd", 18, "The product along axes.",
        [] {
          Examples all = rows(2, 12);
          all.push_back({"of sizes", {i64({2}, {3, 4})}, {{"keepdims", std::int64_t{0}}}, {i64({}, {12})}, 0});
          return all;
        },
        infer_total<true>),
    def(
        "ReduceMax", 20, "The greatest element along axes.",
        [] {
          Examples all = rows(2, 4);
          all.push_back({"of truth values: is any true?",
                         {boolean({2, 2}, {false, false, true, false}), i64({1}, {1})},
                         {{"keepdims", std::int64_t{0}}},
                         {boolean({2}, {false, true})},
                         0});
          return all;
        },
        infer, types_and_bool),
    def(
        "ReduceMin", 20, "The least element along axes.",
        [] {
          Examples all = rows(1, 3);
          all.push_back({"of truth values: are all true?",
                         {boolean({2, 2}, {true, true, true, false}), i64({1}, {1})},
                         {{"keepdims", std::int64_t{0}}},
                         {boolean({2}, {true, false})},
                         0});
          return all;
        },
        infer, types_and_bool),
    def("ReduceL1", 18, "The sum of absolute values along axes.", [] { return rows(3, 7); }),
    def("ReduceL2", 18, "The square root of the sum of squares along axes.", [] { return rows(2.236068f, 5); }),
    def("ReduceSumSquare", 18, "The sum of squares along axes.", [] { return rows(5, 25); }),
    def("ReduceLogSum", 18, "The logarithm of the sum along axes.",
        [] {
          Examples all = rows(1.0986123f, 1.9459101f);
          all.push_back({"of integers, cut off", {i32({2}, {3, 5})}, {}, {i32({1}, {2})}, 0});
          return all;
        }),
    def("ReduceLogSumExp", 18, "The logarithm of the sum of exponentials along axes.",
        [] { return rows(2.3132617f, 4.3132617f); }),
};

constexpr OpRun runs[] = {
    {"", "ReduceSum", evaluate<Numbers, Sum>},        {"", "ReduceMean", evaluate<Numbers, Mean>},
    {"", "ReduceProd", evaluate<Numbers, Product>},   {"", "ReduceMax", evaluate<NumbersAndBool, Max>},
    {"", "ReduceMin", evaluate<NumbersAndBool, Min>}, {"", "ReduceL1", evaluate<Numbers, L1>},
    {"", "ReduceL2", evaluate<Numbers, L2>},          {"", "ReduceSumSquare", evaluate<Numbers, SumSquare>},
    {"", "ReduceLogSum", evaluate_log<LogSum>},       {"", "ReduceLogSumExp", evaluate_log<LogSumExp>},
};

}  // namespace

std::span<const OpDef> reduce_ops() { return defs; }
std::span<const OpRun> reduce_runs() { return runs; }

}  // namespace modelctl::ops
