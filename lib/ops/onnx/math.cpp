// Functions of one number: powers, rounding, sign, the error function.
#include "ops/elementwise.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/lower_elementwise.hpp"

namespace modelctl::ops {
namespace {

struct Abs {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
    else if constexpr (std::is_signed_v<T>) return x < 0 ? wrap_subtract(T{0}, x) : x;
    else return x;
  }
};
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
    return x;  // a zero, or NaN
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
struct Round {
  auto operator()(auto x) const { return std::nearbyint(x); }
};
struct Erf {
  auto operator()(auto x) const { return std::erf(static_cast<double>(x)); }
};

using SignedNumbers = TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;

constexpr OpDef defs[] = {
    {"",
     "Abs",
     13,
     "The absolute value.",
     "X",
     "Y",
     number_types,
     {},
     infer_same,
     [] {
       return Examples{{"signs go", {f32({3}, {-1.5f, 0, 2})}, {}, {f32({3}, {1.5f, 0, 2})}, 0}};
     },
     nullptr,
     lower_unary<"abs">},
    {"",
     "Neg",
     13,
     "The negative.",
     "X",
     "Y",
     "f32 f64 f16 bf16 i8 i16 i32 i64",
     {},
     infer_same,
     [] {
       return Examples{{"signs turn", {f32({3}, {-1.5f, 1, 2})}, {}, {f32({3}, {1.5f, -1, -2})}, 0}};
     },
     nullptr,
     lower_unary<"neg">},
    {"",
     "Sign",
     13,
     "-1, 0 or 1 as the sign is; NaN stays.",
     "input",
     "output",
     number_types,
     {},
     infer_same,
     [] {
       return Examples{{"floats", {f32({3}, {-1.5f, 0, 2})}, {}, {f32({3}, {-1, 0, 1})}, 0}};
     }},
    {"",
     "Sqrt",
     13,
     "The square root; NaN for negative numbers.",
     "X",
     "Y",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"squares", {f32({3}, {0, 4, 2.25f})}, {}, {f32({3}, {0, 2, 1.5f})}}};
     },
     nullptr,
     lower_unary<"sqrt">},
    {"",
     "Exp",
     13,
     "The exponential.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"e to x", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 2.7182817f})}}};
     },
     nullptr,
     lower_unary<"exp">},
    {"",
     "Log",
     13,
     "The natural logarithm.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"of powers of e", {f32({2}, {1, 2.7182817f})}, {}, {f32({2}, {0, 1})}}};
     },
     nullptr,
     lower_unary<"log">},
    {"",
     "Reciprocal",
     13,
     "1 / x.",
     "X",
     "Y",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"halves and doubles", {f32({2}, {2, 0.5f})}, {}, {f32({2}, {0.5f, 2})}}};
     },
     nullptr,
     lower_unary<"reciprocal">},
    {"",
     "Floor",
     13,
     "Rounds down.",
     "X",
     "Y",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"both signs", {f32({3}, {-1.5f, 1.2f, 2})}, {}, {f32({3}, {-2, 1, 2})}, 0}};
     }},
    {"",
     "Ceil",
     13,
     "Rounds up.",
     "X",
     "Y",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"both signs", {f32({2}, {-1.5f, 1.2f})}, {}, {f32({2}, {-1, 2})}, 0}};
     }},
    {"",
     "Round",
     22,
     "Rounds to the nearest whole number, halves to the even one.",
     "X",
     "Y",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{
           {"halves go to even", {f32({5}, {0.5f, 1.5f, 2.5f, -2.5f, 2.6f})}, {}, {f32({5}, {0, 2, 2, -2, 3})}, 0}};
     }},
    {"",
     "Erf",
     13,
     "The error function; of integers, cut to whole numbers.",
     "input",
     "output",
     number_types,
     {},
     infer_same,
     [] {
       return Examples{{"odd symmetry", {f32({3}, {-1, 0, 1})}, {}, {f32({3}, {-0.8427008f, 0, 0.8427008f})}},
                       {"integers", {i32({4}, {-7, -2, 0, 7})}, {}, {i32({4}, {-1, 0, 0, 1})}, 0}};
     },
     nullptr,
     lower_unary<"erf">},
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
