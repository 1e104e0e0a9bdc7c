// Range: numbers from a start, by a step, up to but not including a limit.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;

using Types = TypeList<float, double, Half, BFloat16, std::int16_t, std::int32_t, std::int64_t>;

// How many numbers there are: max(0, ceil((limit - start) / delta)). Integers compute it in u64, where the difference
// of any two i64 and the magnitude of the least one fit; ceil(a / b) is (a - 1) / b + 1 for a > 0. Floats compute it in
// f64. The result is checked against what may be allocated.
template <class C>
Result<std::int64_t> count_of(C start, C limit, C delta) {
  if (delta == 0 || delta != delta) return refuse("the step is 0");
  if constexpr (std::is_integral_v<C>) {
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    auto span = delta > 0 ? static_cast<std::uint64_t>(limit) - static_cast<std::uint64_t>(start)
                          : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(limit);
    auto stride = delta > 0 ? static_cast<std::uint64_t>(delta) : 0 - static_cast<std::uint64_t>(delta);
    std::uint64_t count = (span - 1) / stride + 1;
    if (count > static_cast<std::uint64_t>(INT64_MAX)) return refuse("the range is too long");
    return static_cast<std::int64_t>(count);
  } else {
    // An infinite or NaN bound saturates, to a size that the allocation refuses or to 0.
    double count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    return std::max(saturated<std::int64_t>(count), std::int64_t{0});
  }
}

// max(0, ceil((limit - start) / delta)) elements: a number if all three are known, an expression if the step is a known
// positive number and start or limit is symbolic, which is what exporters write for positions.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  auto start = call.contents(0), limit = call.contents(1), delta = call.contents(2);
  bool known = start && limit && delta && start->size() == 1 && limit->size() == 1 && delta->size() == 1;
  Expr size;
  if (known && (*delta)[0].constant()) {
    auto s = (*start)[0].constant(), l = (*limit)[0].constant(), d = (*delta)[0].constant();
    if (s && l) {
      auto count = count_of(*s, *l, *d);
      if (!count) return call.bad(count.error().what);
      size = *count;
      if (*count <= static_cast<std::int64_t>(graph::Value::max_contents)) {
        // Short ranges are kept as contents: exporters compute axes and positions from them.
        std::vector<Expr> all;
        for (std::int64_t i = 0; i < *count; ++i) all.push_back(Expr(wrap_add(*s, wrap_multiply(i, *d))));
        call.set_output(0, element, graph::Shape{size});
        call.set_contents(0, std::move(all));
        return {};
      }
    } else if (*d > 0) {
      Expr span = (*limit)[0] - (*start)[0];
      size = *d == 1 ? span : ceil_div(span, Expr(*d));
      if (!size.known_non_negative()) size = max(size, Expr(0));
    } else {
      size = call.fresh_symbol();
    }
  } else {
    size = call.fresh_symbol();
  }
  call.set_output(0, element, graph::Shape{size});
  return {};
}

// Element i is start + i * delta, as the specification writes it, and not a running sum, so that rounding does not
// accumulate. Halves are computed in f32 and rounded once. Integers compute modulo 2^bits: i * delta may wrap, but the
// sum lies between start and limit and is right.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &start = call.input(0), &limit = call.input(1), &delta = call.input(2);
  TRY(same_type(start, limit));
  TRY(same_type(start, delta));
  for (const TensorView* view : {&start, &limit, &delta}) {
    if (view->elements() != 1) return refuse("start, limit and delta must have one element each");
  }
  return for_type<Types>(start.type, [&]<class T>() -> Result<void> {
    using C = compute_t<T>;
    auto first = static_cast<C>(start.as<T>()[0]), step = static_cast<C>(delta.as<T>()[0]);
    std::int64_t count = TRY(count_of(first, static_cast<C>(limit.as<T>()[0]), step));
    MutableTensorView y = TRY(outputs.allocate(0, start.type, Dims{count}));
    auto out = y.as<T>();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<T>(wrap_add(first, wrap_multiply(static_cast<C>(i), step)));
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"stash_type", AttributeType::integer, "the type that f16 and bf16 are computed in; always f32 here"}};

constexpr OpDef defs[] = {
    {
        .name = "Range",
        .since = 27,
        .summary = "The numbers from start on, by delta, before limit.",
        .inputs = "start limit:start delta:start",
        .outputs = "output",
        .types = "f32 f64 f16 bf16 i16 i32 i64",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"by two", {i64({}, {1}), i64({}, {6}), i64({}, {2})}, {}, {i64({3}, {1, 3, 5})}, 0},
                              {"downward", {f32({}, {1}), f32({}, {0}), f32({}, {-0.5f})}, {}, {f32({2}, {1, 0.5f})}},
                              {"none", {i64({}, {3}), i64({}, {1}), i64({}, {1})}, {}, {i64({0}, {})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Range", evaluate}};

}  // namespace

std::span<const OpDef> range_ops() { return defs; }
std::span<const OpRun> range_runs() { return runs; }

}  // namespace modelctl::ops
