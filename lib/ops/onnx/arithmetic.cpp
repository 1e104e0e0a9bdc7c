// Add, Sub, Mul, Div with numpy's broadcasting. Integers wrap around; their division truncates towards zero, and a zero
// divisor fails the run, since trapping the process would take down whoever embeds it.
//
// Floats are computed in f64 and rounded when they are stored. For f32 this is what f32 arithmetic gives, although it
// rounds twice: with p digits in the result, 2 p + 2 in between make the second rounding harmless for these four
// operations (Figueroa, 1995), and f64 has 53 for the 24 of f32.
#include "ops/family/elementwise.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return wrap_add(a, b);
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return wrap_subtract(a, b);
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    return wrap_multiply(a, b);
  }
};
// Signed division overflows in one case, the least number divided by -1: C++ leaves it undefined, and x86 traps. Narrow
// types are divided as i64, where 128 is a number, and wrap when they are stored; the branch is for i64 itself.
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      if (b == -1) return wrap_subtract(T{0}, a);  // the lowest number has no negative counterpart: it wraps
    }
    return static_cast<T>(a / b);
  }
};

// Integer division checks each divisor before it divides. The least integer divided by -1 wraps to itself, as its
// negation. The check is a pass of its own over the divisor, which broadcasting may read many times, and comes before
// any output is written. An empty dividend is divided by none of them.
Result<void> divide(const Call& call, Outputs& outputs) {
  const TensorView& divisor = call.input(1);
  bool zero = false;
  (void)with_type<Integers>(divisor.type, [&]<class T>() {
    for (T x : divisor.as<T>()) zero |= x == 0;
  });
  if (zero && call.input(0).elements() > 0) return refuse("an integer is divided by zero");
  return binary<Numbers, Div>(call, outputs);
}

using graph::Expr;

// Shape arithmetic runs through these operators (Shape -> Gather -> Mul -> Concat -> Reshape), so a small integer
// result is also followed symbolically: that is what keeps sizes known if a model computes them.
template <std::optional<Expr> (*apply)(const Expr&, const Expr&)>
Result<void> infer(Inference& call) {
  TRY(infer_broadcast(call));
  contents_of_pair(call, apply);
  return {};
}

std::optional<Expr> add(const Expr& a, const Expr& b) { return a + b; }
std::optional<Expr> sub(const Expr& a, const Expr& b) { return a - b; }
std::optional<Expr> mul(const Expr& a, const Expr& b) { return a * b; }
// Div truncates, and floor_div rounds down. They differ if one operand is negative and the division leaves a remainder,
// so a quotient is followed only if the dividend is not negative and the divisor is positive, as sizes are.
std::optional<Expr> div(const Expr& a, const Expr& b) {
  if (a.known_non_negative() && b.known_positive()) return floor_div(a, b);
  return std::nullopt;
}

constexpr OpDef defs[] = {
    {
        .name = "Add",
        .since = 14,
        .summary = "Adds two tensors element by element.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer<add>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"add">,
        .examples =
            [] {
              return Examples{{"a row is added to each row of a matrix",
                               {f32({2, 2}, {1, 2, 3, 4}), f32({2}, {10, 20})},
                               {},
                               {f32({2, 2}, {11, 22, 13, 24})}},
                              {"integers wrap", {u8({1}, {255}), u8({1}, {2})}, {}, {u8({1}, {1})}, 0}};
            },
    },
    {
        .name = "Sub",
        .since = 14,
        .summary = "Subtracts the second tensor from the first.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer<sub>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"sub">,
        .examples =
            [] {
              return Examples{{"a column is subtracted from each column",
                               {f32({2, 2}, {1, 2, 3, 4}), f32({2, 1}, {1, 3})},
                               {},
                               {f32({2, 2}, {0, 1, 0, 1})}}};
            },
    },
    {
        .name = "Mul",
        .since = 14,
        .summary = "Multiplies two tensors element by element.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer<mul>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"mul">,
        .examples =
            [] {
              return Examples{{"a scalar multiplies each element",
                               {f32({3}, {1, -2, 3}), f32({}, {2})},
                               {},
                               {f32({3}, {2, -4, 6})}}};
            },
    },
    {
        .name = "Div",
        .since = 14,
        .summary = "Divides the first tensor by the second.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer<div>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"div">,
        .examples =
            [] {
              return Examples{{"floats", {f32({3}, {1, 2, 3}), f32({1}, {2})}, {}, {f32({3}, {0.5f, 1, 1.5f})}},
                              {"integers truncate toward zero",
                               {i64({3}, {7, -7, 6}), i64({}, {2})},
                               {},
                               {i64({3}, {3, -3, 3})},
                               0},
                              {"no integers, by zero", {i64({0}, {}), i64({1}, {0})}, {}, {i64({0}, {})}, 0}};
            },
    },
};

constexpr OpRun runs[] = {
    {"", "Add", binary<Numbers, Add>},
    {"", "Sub", binary<Numbers, Sub>},
    {"", "Mul", binary<Numbers, Mul>},
    {"", "Div", divide},
};

}  // namespace

std::span<const OpDef> arithmetic_ops() { return defs; }
std::span<const OpRun> arithmetic_runs() { return runs; }

}  // namespace modelctl::ops
