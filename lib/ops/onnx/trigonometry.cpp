// Trigonometric and hyperbolic functions, in radians; NaN outside of a function's domain, as C's functions give it.
//
// Asin and Acos are defined in [-1, 1], Acosh from 1 on, and Atanh in (-1, 1), at whose ends it is infinite. Sinh and
// Cosh overflow to infinity from about 89.4 on in f32, by the last rounding, since they are computed in f64. Tan is
// finite everywhere: no float is an odd multiple of pi / 2. Atan's result is in [-pi/2, pi/2].
#include "ops/family/elementwise.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// In long double: a static program contains the f64 functions four times, once per instruction set, which costs size.
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

// Opset 22 added bf16 to all of these except Tanh, which has had it since opset 13; nothing else changed.
constexpr OpDef defs[] = {
    {
        .name = "Sin",
        .since = 22,
        .summary = "The sine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Sin"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1.570796f})}, {}, {f32({2}, {0, 1})}}};
            },
    },
    {
        .name = "Cos",
        .since = 22,
        .summary = "The cosine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Cos"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 0.5403023f})}}};
            },
    },
    {
        .name = "Tan",
        .since = 22,
        .summary = "The tangent.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Tan"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 0.7853982f})}, {}, {f32({2}, {0, 1})}}};
            },
    },
    {
        .name = "Asin",
        .since = 22,
        .summary = "The arc sine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Asin"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 1.570796f})}}};
            },
    },
    {
        .name = "Acos",
        .since = 22,
        .summary = "The arc cosine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Acos"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {1, 0})}, {}, {f32({2}, {0, 1.570796f})}}};
            },
    },
    {
        .name = "Atan",
        .since = 22,
        .summary = "The arc tangent.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Atan"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.7853982f})}}};
            },
    },
    {
        .name = "Sinh",
        .since = 22,
        .summary = "The hyperbolic sine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Sinh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 1.175201f})}}};
            },
    },
    {
        .name = "Cosh",
        .since = 22,
        .summary = "The hyperbolic cosine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Cosh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {1, 1.543081f})}}};
            },
    },
    {
        .name = "Tanh",
        .since = 13,
        .summary = "The hyperbolic tangent.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Tanh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.7615942f})}}};
            },
    },
    {
        .name = "Asinh",
        .since = 22,
        .summary = "The inverse hyperbolic sine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Asinh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.8813736f})}}};
            },
    },
    {
        .name = "Acosh",
        .since = 22,
        .summary = "The inverse hyperbolic cosine.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Acosh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {1, 2})}, {}, {f32({2}, {0, 1.316958f})}}};
            },
    },
    {
        .name = "Atanh",
        .since = 22,
        .summary = "The inverse hyperbolic tangent.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Atanh"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 0.5f})}, {}, {f32({2}, {0, 0.5493061f})}}};
            },
    },
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
