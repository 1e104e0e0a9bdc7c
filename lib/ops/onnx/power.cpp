// Pow, Mod and PRelu: binary operators whose operands may differ in type or in how they broadcast.
#include "ops/family/elementwise.hpp"
#include "ops/reference/convert.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

// The result has the base's type, whatever the exponent's: opset 12 allowed them to differ. Integers multiply by
// squaring, in O(log exponent) multiplications, and wrap; f64 would be exact only up to 2^53. An integer base with a
// negative exponent is what truncating the real power gives: 0, except for bases of magnitude 1, and the type's
// greatest value for 1 / 0.
template <class T, class E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    if (exponent >= 0) {  // by squaring, wrapping as integers do
      T result = 1;
      for (auto left = static_cast<std::uint64_t>(exponent); left != 0; left >>= 1) {
        if (left & 1) result = wrap_multiply(result, base);
        base = wrap_multiply(base, base);
      }
      return result;
    }
  }
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  } else {
    return saturated<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
}

Result<void> infer_pow(Inference& call) {
  call.set_output(0, call.element(0), TRY(broadcast_inputs(call)));
  return {};
}

// One loop for each pair of base type and width of exponents (f64, i64, u64), not for each pair of types.
Result<void> pow(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &e = call.input(1);
  Dims dims = TRY(broadcast_dims(x.dims, e.dims));
  using Bases = TypeList<float, double, Half, BFloat16, std::int32_t, std::int64_t>;
  return for_type<Bases>(x.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
    const T* base = x.as<T>().data();
    T* out = y.as<T>().data();
    bool known = with_wide<Numbers>(e.type, [&]<class E>() {
      auto exponent = load_of<E>(e.type);
      for_each_pair(x, e, dims, [&](std::int64_t i, std::int64_t at, std::int64_t bt) {
        out[i] = static_cast<T>(power(static_cast<compute_t<T>>(base[at]), exponent(e.data, bt)));
      });
    });
    return known ? Result<void>() : Result<void>(refuse_type(e.type));
  });
}

// a - b * floor(a / b), computed by the truncated remainder, which is exact, and one correction. ONNX demands fmod=1
// for floats; models that omit it get Python's rule, as for integers.
struct FloorMod {  // the sign of the divisor, as Python's %
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      T rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
      if constexpr (std::is_signed_v<T>) {
        // The least integer divided by -1 overflows, which traps on x86, although the remainder is 0.
        if (b == -1) return 0;
      }
      T rest = static_cast<T>(a % b);
      return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
    }
  }
};
// std::fmod does not round: the remainder of two numbers of a float type is always a number of that type.
struct TruncatedMod {  // the sign of the dividend, as C's fmod
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
      }
      return static_cast<T>(a % b);
    }
  }
};

// A remainder of sizes as an expression, if neither operand can be negative: all conventions agree there.
std::optional<Expr> remainder(const Expr& a, const Expr& b) {
  if (a.known_non_negative() && b.known_positive()) return mod(a, b);
  return std::nullopt;
}

Result<void> infer_mod(Inference& call) {
  TRY(infer_broadcast(call));
  contents_of_pair(call, remainder);
  return {};
}

// The zeros are found before the loop: a division of integers by zero is undefined in C++ and ends the process on x86.
// Floats are not searched: fmod(x, 0) is NaN. An empty dividend is divided by none of the divisors.
Result<void> evaluate_mod(const Call& call, Outputs& outputs) {
  bool zero = false;
  (void)with_type<Integers>(call.input(1).type, [&]<class T>() {
    for (T x : call.input(1).as<T>()) zero |= x == 0;
  });
  if (zero && call.input(0).elements() > 0) return refuse("an integer is divided by zero");
  if (call.attributes.integer("fmod") != 0) return binary<Numbers, TruncatedMod>(call, outputs);
  return binary<Numbers, FloorMod>(call, outputs);
}

// slope * x below zero; NaN is not below zero and stays. Unsigned types are never below zero, so they pass unchanged.
struct PRelu {
  template <class T>
  T operator()(T x, T slope) const {
    return x < 0 ? wrap_multiply(x, slope) : x;
  }
};

// The slope broadcasts to x, not x to the slope: Y always has x's shape (unidirectional broadcasting, since opset 7).
Result<void> infer_prelu(Inference& call) {
  DType element = TRY(common_element(call));
  const graph::Shape* shape = call.shape(0);
  if (shape != nullptr && call.shape(1) != nullptr) {
    if (call.shape(1)->size() > shape->size()) return call.bad("the slope has more axes than x");
    TRY(broadcast(call, *shape, *call.shape(1)));
  }
  call.set_output(0, element, shape == nullptr ? std::nullopt : std::optional(*shape));
  return {};
}

// A slope that would enlarge x shows in the broadcast dimensions.
Result<void> prelu(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims dims = TRY(broadcast_dims(x.dims, call.input(1).dims));
  if (dims != Dims(x.dims.begin(), x.dims.end())) return refuse("the slope does not broadcast to x");
  using Types = TypeList<float, double, Half, BFloat16, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;
  return binary<Types, PRelu>(call, outputs);
}

constexpr AttributeDef of_mod[] = {
    {"fmod", AttributeType::integer, "1: the sign of the dividend; 0, if absent: that of the divisor"}};

constexpr OpDef defs[] = {
    {
        .name = "Pow",
        .since = 15,
        .summary = "The first tensor to the power of the second; the result is of the first's type.",
        .inputs = "X Y:numbers",
        .outputs = "Z",
        .types = "f32 f64 f16 bf16 i32 i64",
        .traits = broadcasting,
        .infer = infer_pow,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"pow">,
        .examples =
            [] {
              return Examples{{"squares", {f32({3}, {1, -2, 3}), f32({}, {2})}, {}, {f32({3}, {1, 4, 9})}},
                              {"integers to an integer power",
                               {i64({2}, {2, 3}), i64({2}, {10, 3})},
                               {},
                               {i64({2}, {1024, 27})},
                               0}};
            },
    },
    {
        .name = "Mod",
        .since = 13,
        .summary = "The remainder of a division.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .attributes = of_mod,
        .traits = broadcasting,
        .infer = infer_mod,
        .examples =
            [] {
              return Examples{
                  {"the sign of the divisor", {i64({2}, {-7, 7}), i64({2}, {3, -3})}, {}, {i64({2}, {2, -2})}, 0},
                  {"the sign of the dividend",
                   {f32({2}, {-7, 7}), f32({2}, {3, -3})},
                   {{"fmod", std::int64_t{1}}},
                   {f32({2}, {-1, 1})}}};
            },
    },
    {
        .name = "PRelu",
        .since = 16,
        .summary = "x, or slope times x below zero.",
        .inputs = "X slope:X",
        .outputs = "Y",
        .types = "f32 f64 f16 bf16 i32 i64 u32 u64",
        .traits = broadcasting,
        .infer = infer_prelu,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"a slope for each column",
                               {f32({2, 2}, {-1, -1, 1, -2}), f32({2}, {0.5f, 2})},
                               {},
                               {f32({2, 2}, {-0.5f, -2, 1, -4})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Pow", pow}, {"", "Mod", evaluate_mod}, {"", "PRelu", prelu}};

}  // namespace

std::span<const OpDef> power_ops() { return defs; }
std::span<const OpRun> power_runs() { return runs; }

}  // namespace modelctl::ops
