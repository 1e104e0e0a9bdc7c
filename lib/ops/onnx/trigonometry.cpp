// Trigonometric and hyperbolic functions, in radians; NaN outside of a function's domain.
#include "ops/elementwise.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/lower_elementwise.hpp"

namespace modelctl::ops {
namespace {

// In long double: the same functions of f64 stand in static programs four times, one for each set of instructions.
struct Sin {
  double operator()(long double x) const { return static_cast<double>(std::sin(x)); }
};
struct Cos {
  double operator()(long double x) const { return static_cast<double>(std::cos(x)); }
};
struct Tan {
  double operator()(long double x) const { return static_cast<double>(std::tan(x)); }
};
struct Asin {
  double operator()(long double x) const { return static_cast<double>(std::asin(x)); }
};
struct Acos {
  double operator()(long double x) const { return static_cast<double>(std::acos(x)); }
};
struct Atan {
  double operator()(long double x) const { return static_cast<double>(std::atan(x)); }
};
struct Sinh {
  auto operator()(auto x) const { return std::sinh(x); }
};
struct Cosh {
  auto operator()(auto x) const { return std::cosh(x); }
};
struct Tanh {
  auto operator()(auto x) const { return std::tanh(x); }
};
struct Asinh {
  auto operator()(auto x) const { return std::asinh(x); }
};
struct Acosh {
  auto operator()(auto x) const { return std::acosh(x); }
};
struct Atanh {
  auto operator()(auto x) const { return std::atanh(x); }
};

constexpr OpDef defs[] = {
    {"",
     "Sin",
     22,
     "The sine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1.570796f})}, {}, {f32({2}, {0, 1})}}};
     }},
    {"",
     "Cos",
     22,
     "The cosine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 0.5403023f})}}};
     }},
    {"",
     "Tan",
     22,
     "The tangent.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 0.7853982f})}, {}, {f32({2}, {0, 1})}}};
     }},
    {"",
     "Asin",
     22,
     "The arc sine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 1.570796f})}}};
     }},
    {"",
     "Acos",
     22,
     "The arc cosine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {1, 0})}, {}, {f32({2}, {0, 1.570796f})}}};
     }},
    {"",
     "Atan",
     22,
     "The arc tangent.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.7853982f})}}};
     }},
    {"",
     "Sinh",
     22,
     "The hyperbolic sine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 1.175201f})}}};
     }},
    {"",
     "Cosh",
     22,
     "The hyperbolic cosine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 1.543081f})}}};
     }},
    {"",
     "Tanh",
     13,
     "The hyperbolic tangent.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.7615942f})}}};
     },
     nullptr,
     lower_unary<"tanh">},
    {"",
     "Asinh",
     22,
     "The inverse hyperbolic sine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.8813736f})}}};
     }},
    {"",
     "Acosh",
     22,
     "The inverse hyperbolic cosine.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {1, 2})}, {}, {f32({2}, {0, 1.316958f})}}};
     }},
    {"",
     "Atanh",
     22,
     "The inverse hyperbolic tangent.",
     "input",
     "output",
     float_types,
     {},
     infer_same,
     [] {
       return Examples{{"two points", {f32({2}, {0, 0.5f})}, {}, {f32({2}, {0, 0.5493061f})}}};
     }},
};

constexpr OpRun runs[] = {
    {"", "Sin", unary<Floats, Sin>},     {"", "Cos", unary<Floats, Cos>},     {"", "Tan", unary<Floats, Tan>},
    {"", "Asin", unary<Floats, Asin>},   {"", "Acos", unary<Floats, Acos>},   {"", "Atan", unary<Floats, Atan>},
    {"", "Sinh", unary<Floats, Sinh>},   {"", "Cosh", unary<Floats, Cosh>},   {"", "Tanh", unary<Floats, Tanh>},
    {"", "Asinh", unary<Floats, Asinh>}, {"", "Acosh", unary<Floats, Acosh>}, {"", "Atanh", unary<Floats, Atanh>},
};

}  // namespace

std::span<const OpDef> trigonometry_ops() { return defs; }
std::span<const OpRun> trigonometry_runs() { return runs; }

}  // namespace modelctl::ops
