// Max, Min, Sum, Mean of any number of tensors, with broadcasting. NaN wins over every number.
#include "ops/elementwise.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/lower_elementwise.hpp"

namespace modelctl::ops {
namespace {

struct Keep {
  template <class T>
  T finish(T sum, std::size_t) const {
    return sum;
  }
};
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

template <std::optional<Expr> (*apply)(const Expr&, const Expr&)>
Result<void> infer(Inference& call) {
  TRY(infer_broadcast(call));
  if (call.inputs() == 2) contents_of_pair(call, apply);
  return {};
}
std::optional<Expr> largest(const Expr& a, const Expr& b) { return max(a, b); }
std::optional<Expr> smallest(const Expr& a, const Expr& b) { return min(a, b); }

std::vector<Tensor> three() { return {f32({3}, {1, 5, 3}), f32({3}, {2, 4, 6}), f32({1}, {3})}; }

constexpr OpDef defs[] = {
    {"",
     "Max",
     13,
     "The greatest of the inputs' elements.",
     "data_0*:data_0",
     "max",
     number_types,
     {},
     infer<largest>,
     [] {
       return Examples{{"three tensors", three(), {}, {f32({3}, {3, 5, 6})}},
                       {"NaN wins", {f32({2}, {NAN, 1}), f32({2}, {1, NAN})}, {}, {f32({2}, {NAN, NAN})}}};
     },
     nullptr,
     lower_binary<"max">},
    {"",
     "Min",
     13,
     "The least of the inputs' elements.",
     "data_0*:data_0",
     "min",
     number_types,
     {},
     infer<smallest>,
     [] {
       return Examples{{"three tensors", three(), {}, {f32({3}, {1, 3, 3})}}};
     },
     nullptr,
     lower_binary<"min">},
    {"",
     "Sum",
     13,
     "The sum of the inputs.",
     "data_0*:data_0",
     "sum",
     float_types,
     {},
     infer_broadcast,
     [] {
       return Examples{{"three tensors", three(), {}, {f32({3}, {6, 12, 12})}}};
     }},
    {"",
     "Mean",
     13,
     "The mean of the inputs.",
     "data_0*:data_0",
     "mean",
     float_types,
     {},
     infer_broadcast,
     [] {
       return Examples{{"three tensors", three(), {}, {f32({3}, {2, 4, 4})}}};
     }},
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
