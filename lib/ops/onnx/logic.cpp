// And, Or, Xor, Not; IsNaN and IsInf.
//
// bool counts as an unsigned integer (reference/element.hpp): elements arrive as u64, convert to the functors' bool,
// and are stored as 0 or 1.
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

struct And {
  bool operator()(bool a, bool b) const { return a && b; }
};
struct Or {
  bool operator()(bool a, bool b) const { return a || b; }
};
struct Xor {
  bool operator()(bool a, bool b) const { return a != b; }
};
struct Not {
  bool operator()(bool x) const { return !x; }
};
struct IsNaN {
  bool operator()(auto x) const { return std::isnan(x); }
};
// detect_positive and detect_negative choose which infinities count. With neither, nothing does.
struct IsInf {
  explicit IsInf(const Attributes& attributes)
      : negative(attributes.integer("detect_negative", 1) != 0),
        positive(attributes.integer("detect_positive", 1) != 0) {}
  bool operator()(auto x) const { return std::isinf(x) && (x < 0 ? negative : positive); }
  bool negative, positive;
};

using Bool = TypeList<bool>;

Result<void> infer_test(Inference& call) {
  const graph::Shape* shape = call.shape(0);
  call.set_output(0, DType::boolean, shape == nullptr ? std::nullopt : std::optional(*shape));
  return {};
}

Tensor left() { return boolean({4}, {false, false, true, true}); }
Tensor right() { return boolean({4}, {false, true, false, true}); }

// y = f(x) for all float types, including those of 8 and 4 bits. Opset 20 added the small ones. Widening keeps NaN and
// infinity, so the tests are those of f64; a type without infinity (f8e4m3fn, fnuz) has none to find.
template <class F>
Result<void> float_test(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!is_float(x.type)) return refuse_type(x.type);
  F f = functor<F>(call.attributes);
  MutableTensorView y = TRY(outputs.allocate(0, DType::boolean, x.dims));
  auto load = load_of<double>(x.type);
  std::int64_t i = 0;
  for (bool& out : y.as<bool>()) out = f(load(x.data, i++));
  return {};
}

constexpr AttributeDef of_is_inf[] = {{"detect_negative", AttributeType::integer, "1 if absent: -inf counts"},
                                      {"detect_positive", AttributeType::integer, "1 if absent: inf counts"}};

// The tests for NaN and infinity do not widen short floats: a result beyond the range of f16 is infinite only once it
// is rounded, and the tests must see it so.
constexpr OpDef defs[] = {
    {
        .name = "And",
        .since = 7,
        .summary = "True where both are true.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = "bool",
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"the truth table", {left(), right()}, {}, {boolean({4}, {false, false, false, true})}}};
            },
    },
    {
        .name = "Or",
        .since = 7,
        .summary = "True where either is true.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = "bool",
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"the truth table", {left(), right()}, {}, {boolean({4}, {false, true, true, true})}}};
            },
    },
    {
        .name = "Xor",
        .since = 7,
        .summary = "True where they differ.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = "bool",
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"the truth table", {left(), right()}, {}, {boolean({4}, {false, true, true, false})}}};
            },
    },
    {
        .name = "Not",
        .since = 1,
        .summary = "True where the input is false.",
        .inputs = "X",
        .outputs = "Y",
        .types = "bool",
        .traits = unary_elementwise,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"both", {boolean({2}, {false, true})}, {}, {boolean({2}, {true, false})}}};
            },
    },
    {
        .name = "IsNaN",
        .since = 20,
        .summary = "True for NaN.",
        .inputs = "X",
        .outputs = "Y",
        .types = all_float_types,
        .traits = unary_elementwise,
        .infer = infer_test,
        .examples =
            [] {
              return Examples{
                  {"NaN alone", {f32({3}, {NAN, 1, INFINITY})}, {}, {boolean({3}, {true, false, false})}},
                  {"in eight bits", {small(DType::f8e4m3fn, {2}, {0x7f, 0x7e})}, {}, {boolean({2}, {true, false})}}};
            },
    },
    {
        .name = "IsInf",
        .since = 20,
        .summary = "True for infinities.",
        .inputs = "X",
        .outputs = "Y",
        .types = all_float_types,
        .attributes = of_is_inf,
        .traits = unary_elementwise,
        .infer = infer_test,
        .examples =
            [] {
              return Examples{{"one sign alone",
                               {f32({3}, {-INFINITY, 1, INFINITY})},
                               {{"detect_negative", std::int64_t{0}}},
                               {boolean({3}, {false, false, true})}}};
            },
    },
};

constexpr OpRun runs[] = {
    {"", "And", binary<Bool, And>}, {"", "Or", binary<Bool, Or>},     {"", "Xor", binary<Bool, Xor>},
    {"", "Not", unary<Bool, Not>},  {"", "IsNaN", float_test<IsNaN>}, {"", "IsInf", float_test<IsInf>},
};

}  // namespace

std::span<const OpDef> logic_ops() { return defs; }
std::span<const OpRun> logic_runs() { return runs; }

}  // namespace modelctl::ops
