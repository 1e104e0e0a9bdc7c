// GlobalMaxPool, GlobalAveragePool and GlobalLpPool: one number for each channel of each image, over all spatial axes.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Spatial axes stay, with size 1. With rank 2 there are none, and each element is its own result.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 2));
  const graph::Shape* x = call.shape(0);
  std::optional<graph::Shape> shape;
  if (x != nullptr) {
    shape = graph::Shape(x->size(), graph::Expr(1));
    (*shape)[0] = (*x)[0];
    (*shape)[1] = (*x)[1];
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

Result<void> infer_lp(Inference& call) {
  if (call.attributes().integer("p", 2) < 1) return call.bad("p must be 1 or more");
  return infer(call);
}

// A NaN that was met stays, and one in b fails the comparison and is taken.
struct Max {
  explicit Max(const Attributes&) {}
  double start() const { return -std::numeric_limits<double>::infinity(); }
  double step(double a, double b) const { return a != a || a > b ? a : b; }
  double finish(double most, std::int64_t) const { return most; }
};
struct Mean {
  explicit Mean(const Attributes&) {}
  double start() const { return 0; }
  double step(double sum, double x) const { return sum + x; }
  double finish(double sum, std::int64_t count) const { return sum / static_cast<double>(count); }
};
// The p-norm (sum |x|^p)^(1/p), with p an attribute; 2 if absent. In f64 the powers of an f32 do not overflow for the
// usual p.
struct Norm {
  explicit Norm(const Attributes& attributes) : p(static_cast<double>(attributes.integer("p", 2))) {}
  double start() const { return 0; }
  double step(double sum, double x) const { return sum + std::pow(std::fabs(x), p); }
  double finish(double sum, std::int64_t) const { return std::pow(sum, 1 / p); }
  double p;
};

// The spatial axes are contiguous, so a plane is one run of elements, and `at` walks through the input once. An empty
// plane gives what the empty sum gives: minus infinity for the maximum, NaN for the mean (0 / 0) and 0 for the norm.
template <class F>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "X"));
  Dims dims(x.rank(), 1);
  dims[0] = x.dim(0);
  dims[1] = x.dim(1);
  std::int64_t plane = product(x.dims.subspan(2));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  F f(call.attributes);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::int64_t at = 0;
  for (std::int64_t out = 0, count = y.elements(); out < count; ++out) {
    double sum = f.start();
    for (std::int64_t i = 0; i < plane; ++i) sum = f.step(sum, load(x.data, at++));
    store(y.data, out, f.finish(sum, plane));
  }
  return {};
}

Tensor image() { return f32({1, 2, 2}, {3, 4, -6, 8}); }

constexpr AttributeDef of_lp[] = {{"p", AttributeType::integer, "the order of the norm; 2 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "GlobalMaxPool",
        .since = 22,
        .summary = "The greatest element of each channel.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"two channels", {image()}, {}, {f32({1, 2, 1}, {4, 8})}, 0}};
            },
    },
    {
        .name = "GlobalAveragePool",
        .since = 22,
        .summary = "The mean of each channel.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"two channels", {image()}, {}, {f32({1, 2, 1}, {3.5f, 1})}}};
            },
    },
    {
        .name = "GlobalLpPool",
        .since = 22,
        .summary = "The p-norm of each channel.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_lp,
        .infer = infer_lp,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"two channels", {image()}, {}, {f32({1, 2, 1}, {5, 10})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "GlobalMaxPool", evaluate<Max>},
                          {"", "GlobalAveragePool", evaluate<Mean>},
                          {"", "GlobalLpPool", evaluate<Norm>}};

}  // namespace

std::span<const OpDef> global_pool_ops() { return defs; }
std::span<const OpRun> global_pool_runs() { return runs; }

}  // namespace modelctl::ops
