// Activations: functions of one number, some with parameters that are attributes. ONNX names them Relu to Shrink; the
// formulas stand in the summaries of the schema below. The reference computes f16 and bf16 in f64 and rounds once, so
// that a kernel may differ from it only by its own rounding. The activations that follow a convolution or product are
// fused into its kernel by passes/fuse_activation.cpp.
//
// Each functor is called with T = double for every float type (reference/element.hpp), Relu and Shrink also with 64-bit
// integers. Parameters are f32, as ONNX's attributes are: the default 0.01 is the f32 nearest to it, for f64 tensors
// too. HardSwish, Swish and Mish give NaN for minus infinity, since their formulas multiply it by 0; ONNX's formulas do
// so too, and the limit, 0, is not put in its place.
#include "ops/family/elementwise.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Each branch takes the exponential of a number that is not positive, so neither overflows; both are exact to rounding.
template <class T>
T logistic(T x) {  // exp never overflows this way
  if (x >= 0) return 1 / (1 + std::exp(-x));
  T e = std::exp(x);
  return e / (1 + e);
}

// log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)): the exponential lies in (0, 1], and small results keep their digits.
template <class T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::fabs(x)));
}

// x if x > 0, else 0. The comparison is written so that NaN is returned as NaN, which max(0, x) would lose.
struct Relu {
  template <class T>
  T operator()(T x) const {
    return x < T{0} ? T{0} : x;  // NaN stays
  }
};
// alpha x below zero. NaN is not below zero, and so passes.
struct LeakyRelu {
  explicit LeakyRelu(const Attributes& attributes) : alpha(attributes.number("alpha", 0.01f)) {}
  template <class T>
  T operator()(T x) const {
    return x < 0 ? x * T(alpha) : x;
  }
  float alpha;
};
// x if x > alpha, else 0, as ONNX writes it: alpha itself becomes 0. So does NaN, which Relu returns as NaN.
struct ThresholdedRelu {
  explicit ThresholdedRelu(const Attributes& attributes) : alpha(attributes.number("alpha", 1)) {}
  template <class T>
  T operator()(T x) const {
    return x > T(alpha) ? x : T{0};
  }
  float alpha;
};
// alpha (exp(x) - 1) below zero. expm1 keeps the digits that exp(x) - 1 cancels near zero; the same holds for Selu and
// Celu. The exponential is taken of negative numbers alone and never overflows; minus infinity gives -alpha.
struct Elu {
  explicit Elu(const Attributes& attributes) : alpha(attributes.number("alpha", 1)) {}
  template <class T>
  T operator()(T x) const {
    return x < 0 ? T(alpha) * std::expm1(x) : x;
  }
  float alpha;
};
// Self-normalizing networks (Klambauer et al., 2017): these constants keep activations at mean 0 and variance 1. The
// defaults are the f32 numbers of the specification, written out in full.
struct Selu {
  explicit Selu(const Attributes& attributes)
      : alpha(attributes.number("alpha", 1.67326319217681884765625f)),
        gamma(attributes.number("gamma", 1.05070102214813232421875f)) {}
  template <class T>
  T operator()(T x) const {
    return T(gamma) * (x > 0 ? x : T(alpha) * std::expm1(x));
  }
  float alpha, gamma;
};
// Continuously differentiable for every alpha (Barron, 2017): x is divided by alpha before the exponential. ONNX writes
// max(0, x) + min(0, alpha (exp(x / alpha) - 1)): for alpha > 0 one of the two terms is always 0, and the branch
// computes the other one.
struct Celu {
  explicit Celu(const Attributes& attributes) : alpha(attributes.number("alpha", 1)) {}
  template <class T>
  T operator()(T x) const {
    return x < 0 ? T(alpha) * std::expm1(x / T(alpha)) : x;
  }
  float alpha;
};
struct Sigmoid {
  auto operator()(auto x) const { return logistic(x); }
};
// clamp(alpha x + beta, 0, 1): a sigmoid of straight lines, for processors without an exponential. NaN fails both
// comparisons of clamp, which returns it.
struct HardSigmoid {
  explicit HardSigmoid(const Attributes& attributes)
      : alpha(attributes.number("alpha", 0.2f)), beta(attributes.number("beta", 0.5f)) {}
  template <class T>
  T operator()(T x) const {
    return std::clamp(x * T(alpha) + T(beta), T{0}, T{1});
  }
  float alpha, beta;
};
// x HardSigmoid(x) with alpha = 1/6 and beta = 1/2 (MobileNetV3, Howard et al., 2019).
struct HardSwish {
  template <class T>
  T operator()(T x) const {
    return x * std::clamp(x / 6 + T(0.5), T{0}, T{1});
  }
};
// x sigmoid(alpha x) (Ramachandran et al., 2017). With alpha = 1 it is SiLU, which has a kernel of its own.
struct Swish {
  explicit Swish(const Attributes& attributes) : alpha(attributes.number("alpha", 1)) {}
  template <class T>
  T operator()(T x) const {
    return x * logistic(T(alpha) * x);
  }
  float alpha;
};
// x tanh(softplus(x)) (Misra, 2019).
struct Mish {
  auto operator()(auto x) const { return x * std::tanh(softplus(x)); }
};
struct Softplus {
  auto operator()(auto x) const { return softplus(x); }
};
// Between -1 and 1 for numbers; NaN for an infinity, which it divides by itself.
struct Softsign {
  auto operator()(auto x) const { return x / (1 + std::fabs(x)); }
};
// x times the probability that a standard normal variable is below x (Hendrycks and Gimpel, 2016). The approximation by
// tanh is another function with results that differ by up to 5e-4, so a node gets the one that it asks for. The
// constants are sqrt(2 / pi) and 1 / sqrt(2). Far below zero 1 + erf cancels: its absolute error stays that of rounding
// near 1 in f64, about 1e-16, while the result itself goes to 0.
struct Gelu {
  explicit Gelu(const Attributes& attributes) : tanh(attributes.text("approximate", "none") == "tanh") {}
  template <class T>
  T operator()(T x) const {
    if (tanh) return x / 2 * (1 + std::tanh(T(0.7978845608028654) * (x + T(0.044715) * x * x * x)));
    return x / 2 * (1 + std::erf(x * T(0.7071067811865476)));
  }
  bool tanh;
};
// Soft threshold: zero within [-lambd, lambd], moved towards zero by bias outside. Computed in f64 for integers too,
// whose range an f32 would not hold. Beyond 2^53 the lower bits of a 64-bit integer are lost in it. NaN fails both
// comparisons and becomes 0. An integer that leaves its type's range wraps, also an unsigned one below 0, as in ONNX
// Runtime; one beyond 64 bits saturates first.
struct Shrink {
  explicit Shrink(const Attributes& attributes)
      : lambd(attributes.number("lambd", 0.5f)), bias(attributes.number("bias", 0)) {}
  template <class T>
  T operator()(T x) const {
    auto y = static_cast<double>(x);
    y = y < -lambd ? y + bias : y > lambd ? y - bias : 0;
    if constexpr (std::is_integral_v<T>) return y < 0 ? static_cast<T>(saturated<std::int64_t>(y)) : saturated<T>(y);
    else return y;
  }
  double lambd, bias;
};

constexpr AttributeDef alpha_leaky[] = {{"alpha", AttributeType::number, "slope below zero; 0.01 if absent"}};
constexpr AttributeDef alpha_one[] = {{"alpha", AttributeType::number, "1 if absent"}};
constexpr AttributeDef of_selu[] = {{"alpha", AttributeType::number, "1.6732632 if absent"},
                                    {"gamma", AttributeType::number, "1.050701 if absent"}};
constexpr AttributeDef of_hard_sigmoid[] = {{"alpha", AttributeType::number, "slope; 0.2 if absent"},
                                            {"beta", AttributeType::number, "value at zero; 0.5 if absent"}};
constexpr AttributeDef of_gelu[] = {
    text_choice("approximate", "none tanh", "tanh is an approximation, which differs by up to 5e-4")};
constexpr AttributeDef of_shrink[] = {{"lambd", AttributeType::number, "half-width of the band that becomes zero; 0.5"},
                                      {"bias", AttributeType::number, "how far the others move toward zero; 0"}};

// Every form since opset 7 computes what the newest one does, so that no row has an upgrade. lower_unary is null for a
// name that kernels/unary.def does not list; those nodes run the functors above. ThresholdedRelu and Shrink do not
// widen short floats: both may jump at their threshold, and an operand that was not rounded to f16 first could fall on
// the other side of it.
constexpr OpDef defs[] = {
    {
        .name = "Relu",
        .since = 14,
        .summary = "max(0, x).",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 f16 bf16 i8 i16 i32 i64",
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Relu"),
        .examples =
            [] {
              return Examples{{"negative numbers become zero", {f32({3}, {-1, 0, 2})}, {}, {f32({3}, {0, 0, 2})}, 0}};
            },
    },
    {
        .name = "LeakyRelu",
        .since = 16,
        .summary = "x, or alpha x below zero.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = alpha_leaky,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("LeakyRelu"),
        .examples =
            [] {
              return Examples{{"alpha below zero", {f32({2}, {-1, 2})}, {{"alpha", 0.1f}}, {f32({2}, {-0.1f, 2})}}};
            },
    },
    {
        .name = "ThresholdedRelu",
        .since = 22,
        .summary = "x where it is above alpha, else zero.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = alpha_one,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("ThresholdedRelu"),
        .examples =
            [] {
              return Examples{{"the threshold is out", {f32({3}, {0, 1, 2})}, {}, {f32({3}, {0, 0, 2})}}};
            },
    },
    {
        .name = "Elu",
        .since = 22,
        .summary = "x, or alpha (exp(x) - 1) below zero.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = alpha_one,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Elu"),
        .examples =
            [] {
              return Examples{{"both sides", {f32({2}, {-1, 2})}, {{"alpha", 2.0f}}, {f32({2}, {-1.2642411f, 2})}}};
            },
    },
    {
        .name = "Selu",
        .since = 22,
        .summary = "gamma times Elu with the self-normalizing alpha.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_selu,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Selu"),
        .examples =
            [] {
              return Examples{{"both sides", {f32({2}, {-1, 1})}, {}, {f32({2}, {-1.1113307f, 1.050701f})}}};
            },
    },
    {
        .name = "Celu",
        .since = 28,
        .summary = "x, or alpha (exp(x / alpha) - 1) below zero.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = alpha_one,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Celu"),
        .examples =
            [] {
              return Examples{{"both sides", {f32({2}, {-2, 1})}, {{"alpha", 2.0f}}, {f32({2}, {-1.2642411f, 1})}}};
            },
    },
    {
        .name = "Sigmoid",
        .since = 13,
        .summary = "1 / (1 + exp(-x)).",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Sigmoid"),
        .examples =
            [] {
              return Examples{{"symmetry", {f32({3}, {-1, 0, 1})}, {}, {f32({3}, {0.26894143f, 0.5f, 0.7310586f})}}};
            },
    },
    {
        .name = "HardSigmoid",
        .since = 22,
        .summary = "alpha x + beta between 0 and 1.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_hard_sigmoid,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("HardSigmoid"),
        .examples =
            [] {
              return Examples{{"the slope and both ends", {f32({3}, {-5, 1, 5})}, {}, {f32({3}, {0, 0.7f, 1})}}};
            },
    },
    {
        .name = "HardSwish",
        .since = 22,
        .summary = "x times x / 6 + 1/2 between 0 and 1.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("HardSwish"),
        .examples =
            [] {
              return Examples{{"both ends and between", {f32({3}, {-4, 1.5f, 4})}, {}, {f32({3}, {0, 1.125f, 4})}}};
            },
    },
    {
        .name = "Swish",
        .since = 24,
        .summary = "x times the sigmoid of alpha x.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = alpha_one,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Swish"),
        .examples =
            [] {
              return Examples{{"alpha 1", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.7310586f})}}};
            },
    },
    {
        .name = "Mish",
        .since = 22,
        .summary = "x tanh(softplus(x)).",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Mish"),
        .examples =
            [] {
              return Examples{{"two points", {f32({2}, {0, 1})}, {}, {f32({2}, {0, 0.86509836f})}}};
            },
    },
    {
        .name = "Softplus",
        .since = 22,
        .summary = "log(1 + exp(x)), with no overflow.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Softplus"),
        .examples =
            [] {
              return Examples{{"large numbers stay", {f32({2}, {0, 200})}, {}, {f32({2}, {0.6931472f, 200})}}};
            },
    },
    {
        .name = "Softsign",
        .since = 22,
        .summary = "x / (1 + |x|).",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Softsign"),
        .examples =
            [] {
              return Examples{{"both sides", {f32({2}, {-1, 3})}, {}, {f32({2}, {-0.5f, 0.75f})}}};
            },
    },
    {
        .name = "Gelu",
        .since = 20,
        .summary = "x times the normal distribution's function of x.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_gelu,
        .traits = unary_elementwise,
        .infer = infer_same,
        .short_floats = ShortFloats::widen,
        .lower = lower_unary("Gelu"),
        .examples =
            [] {
              return Examples{{"exact", {f32({2}, {-1, 1})}, {}, {f32({2}, {-0.15865525f, 0.8413447f})}},
                              {"tanh",
                               {f32({2}, {-1, 1})},
                               {{"approximate", std::string("tanh")}},
                               {f32({2}, {-0.15880801f, 0.841192f})}}};
            },
    },
    {
        .name = "Shrink",
        .since = 9,
        .summary = "Zero inside a band around zero; outside, moved toward it.",
        .inputs = "input",
        .outputs = "output",
        .types = number_types,
        .attributes = of_shrink,
        .traits = unary_elementwise,
        .infer = infer_same,
        .lower = lower_unary("Shrink"),
        .examples =
            [] {
              return Examples{{"a band of 1.5",
                               {f32({4}, {-2, -1, 1, 2})},
                               {{"lambd", 1.5f}, {"bias", 1.0f}},
                               {f32({4}, {-1, 0, 0, 1})}},
                              {"unsigned numbers wrap below zero",
                               {u8({3}, {0, 1, 200})},
                               {{"bias", 5.0f}},
                               {u8({3}, {0, 252, 195})},
                               0}};
            },
    },
};

using SignedNumbers = TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;

constexpr OpRun runs[] = {
    {"", "Relu", unary<SignedNumbers, Relu>},
    {"", "LeakyRelu", unary<Floats, LeakyRelu>},
    {"", "ThresholdedRelu", unary<Floats, ThresholdedRelu>},
    {"", "Elu", unary<Floats, Elu>},
    {"", "Selu", unary<Floats, Selu>},
    {"", "Celu", unary<Floats, Celu>},
    {"", "Sigmoid", unary<Floats, Sigmoid>},
    {"", "HardSigmoid", unary<Floats, HardSigmoid>},
    {"", "HardSwish", unary<Floats, HardSwish>},
    {"", "Swish", unary<Floats, Swish>},
    {"", "Mish", unary<Floats, Mish>},
    {"", "Softplus", unary<Floats, Softplus>},
    {"", "Softsign", unary<Floats, Softsign>},
    {"", "Gelu", unary<Floats, Gelu>},
    {"", "Shrink", unary<Numbers, Shrink>},
};

}  // namespace

std::span<const OpDef> activations_ops() { return defs; }
std::span<const OpRun> activations_runs() { return runs; }

}  // namespace modelctl::ops
