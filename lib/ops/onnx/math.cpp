// Functions of one number: Abs, Neg, Sign, Sqrt, Exp, Log, Reciprocal, Floor, Ceil, Round, Erf.
//
// The functions compute in the types of reference/element.hpp: f64 for every float type, i64 or u64 for every integer
// type. So f32, f16 and bf16 are rounded once, when the result is stored, and narrow integers wrap there. Outside of a
// function's domain IEEE 754 decides: Sqrt and Log of a negative number are NaN, Log of 0 is minus infinity, Reciprocal
// of a zero is the infinity of its sign.
#include "ops/family/elementwise.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// The least integer has no positive counterpart: it wraps to itself, as its negation does. For i8 to i32 the wrap
// happens when the i64 result is stored: |-128| is 128, whose low byte is -128.
struct Abs {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
    else if constexpr (std::is_signed_v<T>) return x < 0 ? wrap_subtract(T{0}, x) : x;
    else return x;
  }
};
// ONNX defines Neg for signed types only; -0.0 and 0.0 are each other's negatives.
struct Neg {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return -x;
    else return wrap_subtract(T{0}, x);
  }
};
struct Sign {
  template <class T>
  T operator()(T x) const {
    if (x > T{0}) return T{1};
    if constexpr (std::is_signed_v<T>) {
      if (x < T{0}) return T{-1};
    }
    return x;  // zero or NaN
  }
};
struct Sqrt {
  auto operator()(auto x) const { return std::sqrt(x); }
};
struct Exp {
  auto operator()(auto x) const { return std::exp(x); }
};
struct Log {
  auto operator()(auto x) const { return std::log(x); }
};
struct Reciprocal {
  auto operator()(auto x) const { return 1 / x; }
};
struct Floor {
  auto operator()(auto x) const { return std::floor(x); }
};
struct Ceil {
  auto operator()(auto x) const { return std::ceil(x); }
};
// Halves go to the even neighbor, as the specification of Round demands and as IEEE 754 rounds by default; std::round()
// would go away from zero.
struct Round {
  auto operator()(auto x) const { return std::nearbyint(x); }
};
// Integers are truncated after the function: erf(x) is in (-1, 1), and it rounds to 1 in f64 from x = 6 on, so that
// smaller integers give 0 and larger ones 1.
struct Erf {
  auto operator()(auto x) const { return std::erf(static_cast<double>(x)); }
};

// The types of Neg.
using SignedNumbers = TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;

// Floor, Ceil, Round and Sign are not continuous, so they keep halves instead of widening them (ShortFloats): an
// operand that was not rounded to f16 may lie on the other side of the step.
constexpr OpDef defs[] = {
    {
        .name = "Abs",
        .since = 13,
        .summary = "The absolute value.",
        .inputs = "X",
        .outputs = "Y",
        .types = number_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Abs"),
        .examples =
            [] {
              return Examples{{"signs go", {f32({3}, {-1.5f, 0, 2})}, {}, {f32({3}, {1.5f, 0, 2})}, 0}};
            },
    },
    {
        .name = "Neg",
        .since = 13,
        .summary = "The negative.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 f16 bf16 i8 i16 i32 i64",
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Neg"),
        .examples =
            [] {
              return Examples{{"signs turn", {f32({3}, {-1.5f, 1, 2})}, {}, {f32({3}, {1.5f, -1, -2})}, 0}};
            },
    },
    {
        .name = "Sign",
        .since = 13,
        .summary = "-1, 0 or 1 by the sign; NaN stays NaN.",
        .inputs = "input",
        .outputs = "output",
        .types = number_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Sign"),
        .examples =
            [] {
              return Examples{{"floats", {f32({3}, {-1.5f, 0, 2})}, {}, {f32({3}, {-1, 0, 1})}, 0}};
            },
    },
    {
        .name = "Sqrt",
        .since = 13,
        .summary = "The square root; NaN for negative numbers.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Sqrt"),
        .examples =
            [] {
              return Examples{{"squares", {f32({3}, {0, 4, 2.25f})}, {}, {f32({3}, {0, 2, 1.5f})}}};
            },
    },
    {
        .name = "Exp",
        .since = 13,
        .summary = "The exponential.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Exp"),
        .examples =
            [] {
              return Examples{{"e to x", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 2.7182817f})}}};
            },
    },
    {
        .name = "Log",
        .since = 13,
        .summary = "The natural logarithm.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Log"),
        .examples =
            [] {
              return Examples{{"of powers of e", {f32({2}, {1, 2.7182817f})}, {}, {f32({2}, {0, 1})}}};
            },
    },
    {
        .name = "Reciprocal",
        .since = 13,
        .summary = "1 / x.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Reciprocal"),
        .examples =
            [] {
              return Examples{{"halves and doubles", {f32({2}, {2, 0.5f})}, {}, {f32({2}, {0.5f, 2})}}};
            },
    },
    {
        .name = "Floor",
        .since = 13,
        .summary = "Rounds down.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Floor"),
        .examples =
            [] {
              return Examples{{"both signs", {f32({3}, {-1.5f, 1.2f, 2})}, {}, {f32({3}, {-2, 1, 2})}, 0}};
            },
    },
    {
        .name = "Ceil",
        .since = 13,
        .summary = "Rounds up.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Ceil"),
        .examples =
            [] {
              return Examples{{"both signs", {f32({2}, {-1.5f, 1.2f})}, {}, {f32({2}, {-1, 2})}, 0}};
            },
    },
    {
        .name = "Round",
        .since = 22,
        .summary = "Rounds to the nearest whole number, halves to the even one.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Round"),
        .examples =
            [] {
              return Examples{{"halves go to even",
                               {f32({5}, {0.5f, 1.5f, 2.5f, -2.5f, 2.6f})},
                               {},
                               {f32({5}, {0, 2, 2, -2, 3})},
                               0}};
            },
    },
    {
        .name = "Erf",
        .since = 13,
        .summary = "The error function; results for integers are truncated.",
        .inputs = "input",
        .outputs = "output",
        .types = number_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Erf"),
        .examples =
            [] {
              return Examples{{"odd symmetry", {f32({3}, {-1, 0, 1})}, {}, {f32({3}, {-0.8427008f, 0, 0.8427008f})}},
                              {"integers", {i32({4}, {-7, -2, 0, 7})}, {}, {i32({4}, {-1, 0, 0, 1})}, 0}};
            },
    },
};

constexpr OpRun runs[] = {
    {"", "Abs", unary<Numbers, Abs>},
    {"", "Neg", unary<SignedNumbers, Neg>},
    {"", "Sign", unary<Numbers, Sign>},
    {"", "Sqrt", unary<Floats, Sqrt>},
    {"", "Exp", unary<Floats, Exp>},
    {"", "Log", unary<Floats, Log>},
    {"", "Reciprocal", unary<Floats, Reciprocal>},
    {"", "Floor", unary<Floats, Floor>},
    {"", "Ceil", unary<Floats, Ceil>},
    {"", "Round", unary<Floats, Round>},
    {"", "Erf", unary<Numbers, Erf>},
};

}  // namespace

std::span<const OpDef> math_ops() { return defs; }
std::span<const OpRun> math_runs() { return runs; }

}  // namespace modelctl::ops
