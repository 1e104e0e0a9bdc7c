// Max, Min, Sum and Mean of any number of tensors, with broadcasting. NaN is returned if any operand is NaN.
//
// The inputs are combined from the first to the last, in f64 for floats, and rounded once at the end. A single input is
// its own result.
#include "ops/family/elementwise.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// What `variadic` does after the last input; only the mean has something left to do.
struct Keep {
  template <class T>
  T finish(T sum, std::size_t) const {
    return sum;
  }
};
// a != a keeps a NaN that was met before, and a NaN in b fails the comparison and is taken: as numpy.maximum, where
// fmax of C would drop it. Of 0 and -0, which are equal, the later one is taken. Min differs in its comparison alone.
struct Max : Keep {
  template <class T>
  T operator()(T a, T b) const {
    return a != a || a > b ? a : b;
  }
};
struct Min : Keep {
  template <class T>
  T operator()(T a, T b) const {
    return a != a || a < b ? a : b;
  }
};
struct Sum : Keep {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
// The sum is kept in the working type and divided once at the end: dividing each operand would round each of them.
struct Mean {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
  template <class T>
  T finish(T sum, std::size_t count) const {
    return sum / static_cast<T>(count);
  }
};

using graph::Expr;

// Max and Min of sizes are expressions too: exporters clamp a size with them. Those have two operands; contents of more
// are not followed.
template <std::optional<Expr> (*apply)(const Expr&, const Expr&)>
Result<void> infer(Inference& call) {
  TRY(infer_broadcast(call));
  if (call.inputs() == 2) contents_of_pair(call, apply);
  return {};
}
std::optional<Expr> largest(const Expr& a, const Expr& b) { return max(a, b); }
std::optional<Expr> smallest(const Expr& a, const Expr& b) { return min(a, b); }

std::vector<Tensor> three() { return {f32({3}, {1, 5, 3}), f32({3}, {2, 4, 6}), f32({1}, {3})}; }

// lower_binary takes nodes with two operands; longer lists run the reference. All four functions are continuous, so all
// of them may widen short floats.
constexpr OpDef defs[] = {
    {
        .name = "Max",
        .since = 13,
        .summary = "The greatest of the inputs' elements.",
        .inputs = "data_0*:data_0",
        .outputs = "max",
        .types = number_types,
        .traits = {.elementwise = Elementwise::broadcasting, .variadic = true},
        .infer = infer<largest>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"max">,
        .examples =
            [] {
              return Examples{{"three tensors", three(), {}, {f32({3}, {3, 5, 6})}},
                              {"NaN wins", {f32({2}, {NAN, 1}), f32({2}, {1, NAN})}, {}, {f32({2}, {NAN, NAN})}}};
            },
    },
    {
        .name = "Min",
        .since = 13,
        .summary = "The least of the inputs' elements.",
        .inputs = "data_0*:data_0",
        .outputs = "min",
        .types = number_types,
        .traits = {.elementwise = Elementwise::broadcasting, .variadic = true},
        .infer = infer<smallest>,
        .short_floats = ShortFloats::widen,
        .lower = lower_binary<"min">,
        .examples =
            [] {
              return Examples{{"three tensors", three(), {}, {f32({3}, {1, 3, 3})}}};
            },
    },
    {
        .name = "Sum",
        .since = 13,
        .summary = "The sum of the inputs.",
        .inputs = "data_0*:data_0",
        .outputs = "sum",
        .types = float_types,
        .traits = {.elementwise = Elementwise::broadcasting, .variadic = true},
        .infer = infer_broadcast,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"three tensors", three(), {}, {f32({3}, {6, 12, 12})}}};
            },
    },
    {
        .name = "Mean",
        .since = 13,
        .summary = "The mean of the inputs.",
        .inputs = "data_0*:data_0",
        .outputs = "mean",
        .types = float_types,
        .traits = {.elementwise = Elementwise::broadcasting, .variadic = true},
        .infer = infer_broadcast,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"three tensors", three(), {}, {f32({3}, {2, 4, 4})}}};
            },
    },
};

constexpr OpRun runs[] = {
    {"", "Max", variadic<Numbers, Max>},
    {"", "Min", variadic<Numbers, Min>},
    {"", "Sum", variadic<Floats, Sum>},
    {"", "Mean", variadic<Floats, Mean>},
};

}  // namespace

std::span<const OpDef> extremes_ops() { return defs; }
std::span<const OpRun> extremes_runs() { return runs; }

}  // namespace modelctl::ops
