// LRN, LpNormalization and MeanVarianceNormalization: normalizations without learned parameters.
//
// Smallest runner: regular, since only AlexNet and its relatives have them.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer_lrn(Inference& call) {
  TRY(need_rank(call, 0, 2));
  return infer_same(call);
}

// y = x / (bias + alpha / size * sum of squares over `size` neighboring channels)^beta (Krizhevsky et al., 2012). The
// window of channel c begins at c - floor((size - 1) / 2) and ends at c + ceil((size - 1) / 2), within the channels;
// alpha is divided by `size`, also if the window is cut off.
Result<void> lrn(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "X"));
  double alpha = call.attributes.number("alpha", 1e-4f), beta = call.attributes.number("beta", 0.75f);
  double bias = call.attributes.number("bias", 1);
  std::int64_t size = call.attributes.integer("size"), channels = x.dim(1);
  if (size < 1) return refuse("size cannot be " + std::to_string(size));
  std::int64_t plane = product(x.dims.subspan(2)), before = (size - 1) / 2, after = size / 2;
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for (std::int64_t at = 0, count = x.elements(); at < count; ++at) {
    if (at % 256 == 0 && call.interrupted()) return {};
    std::int64_t c = at / plane % channels;
    // Written so that a size near 2^63 does not overflow.
    std::int64_t first = std::max(c - std::min(before, c), std::int64_t{0});
    std::int64_t last = after >= channels - c ? channels - 1 : c + after;
    double sum = 0;
    for (std::int64_t other = first; other <= last; ++other) {
      double value = load(x.data, at + (other - c) * plane);
      sum += value * value;
    }
    store(y.data, at, load(x.data, at) / std::pow(bias + alpha / static_cast<double>(size) * sum, beta));
  }
  return {};
}

Result<void> infer_lp(Inference& call) {
  std::int64_t p = call.attributes().integer("p", 2);
  if (p != 1 && p != 2) return call.bad("p cannot be " + std::to_string(p));
  if (const graph::Shape* x = call.shape(0)) TRY(normal_axis(call, call.attributes().integer("axis", -1), x->size()));
  return infer_same(call);
}

// x divided by its p-norm (p is 1 or 2) along an axis; a vector of zeros stays zero instead of becoming NaN.
Result<void> lp(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "input"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -1), x.rank()));
  std::int64_t p = call.attributes.integer("p", 2);
  if (p != 1 && p != 2) return refuse("p cannot be " + std::to_string(p));
  std::int64_t length = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  // Two passes over each line, [outer, length, inner] around the axis: its norm, then the quotients.
  for (std::int64_t group = 0; group < product(x.dims.first(axis)) * inner; ++group) {
    if (call.interrupted()) return {};
    std::int64_t base = group / inner * length * inner + group % inner;
    double norm = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      double value = load(x.data, base + i * inner);
      norm += p == 1 ? std::fabs(value) : value * value;
    }
    if (p == 2) norm = std::sqrt(norm);
    for (std::int64_t i = 0; i < length; ++i) {
      std::int64_t at = base + i * inner;
      store(y.data, at, norm == 0 ? 0 : load(x.data, at) / norm);
    }
  }
  return {};
}

// The default makes one group of each channel of images [N, C, H, W], over the whole batch.
Dims axes_of(const Attributes& attributes) {
  return attributes.has("axes") ? attributes.integers("axes") : Dims{0, 2, 3};
}

Result<void> infer_mean_variance(Inference& call) {
  if (const graph::Shape* x = call.shape(0)) TRY(normal_axes(call, axes_of(call.attributes()), x->size()));
  return infer_same(call);
}

// (x - mean) / (standard deviation + 1e-9), as the function body of the specification has it. The 1e-9 is added to the
// deviation and not to the variance, so constant groups become 0. The body's variance is E[x^2] - E[x]^2, which cancels
// if the mean is large; a second pass over the deviations does not. `groups` has size 1 along the axes, and its
// broadcast strides give the index of each element's group.
Result<void> mean_variance(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims groups(x.dims.begin(), x.dims.end());
  for (std::size_t axis : TRY(axis_indices(axes_of(call.attributes), x.rank()))) groups[axis] = 1;
  Dims strides = broadcast_strides(groups, x.dims);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  if (y.elements() == 0) return {};
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::vector<double> means(static_cast<std::size_t>(product(groups))), variances(means.size());
  double count = static_cast<double>(x.elements()) / static_cast<double>(means.size());
  auto each = [&](auto&& body) {
    for_each_index<1>(x.dims, {strides}, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
      body(i, static_cast<std::size_t>(at[0]));
    });
  };
  each([&](std::int64_t i, std::size_t group) { means[group] += load(x.data, i) / count; });
  each([&](std::int64_t i, std::size_t group) {
    double shifted = load(x.data, i) - means[group];
    variances[group] += shifted * shifted / count;
  });
  each([&](std::int64_t i, std::size_t group) {
    store(y.data, i, (load(x.data, i) - means[group]) / (std::sqrt(variances[group]) + 1e-9));
  });
  return {};
}

// ONNX 1.0 to 1.3, where it was experimental, said what a group is by across_channels; the shift to mean 0 alone is
// normalize_variance 0.
Result<void> upgrade_mean_variance(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (upgrade.opset >= 9) return {};
  Dims axes = node.attributes.integer("across_channels") != 0 ? Dims{0, 1, 2, 3} : Dims{0, 2, 3};
  bool scales = node.attributes.integer("normalize_variance", 1) != 0;
  node.attributes.erase("across_channels");
  node.attributes.erase("normalize_variance");
  if (scales) {
    node.attributes.set("axes", axes);
    return {};
  }
  graph::Value* x = node.input(0);
  node.op = "Sub";
  node.set_input(1, upgrade.insert("ReduceMean", {x, upgrade.constant(Tensor::of_ints(axes))}));
  return {};
}

constexpr AttributeDef of_lrn[] = {{"alpha", AttributeType::number, "0.0001 if absent"},
                                   {"beta", AttributeType::number, "0.75 if absent"},
                                   {"bias", AttributeType::number, "1 if absent"},
                                   {"size", AttributeType::integer, "how many channels are summed over", true}};
constexpr AttributeDef of_lp[] = {{"axis", AttributeType::integer, "the axis of a group; the last if absent"},
                                  {"p", AttributeType::integer, "the norm, 1 or 2; 2 if absent"}};
constexpr AttributeDef of_mean_variance[] = {
    {"axes", AttributeType::integers, "the axes of a group; 0, 2 and 3 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "LRN",
        .since = 13,
        .summary = "Each element divided by a power of the sum of squares of neighboring channels.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_lrn,
        .infer = infer_lrn,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"two channels of three",
                               {f32({1, 3, 1}, {1, 2, 3})},
                               {{"size", std::int64_t{2}}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 0.0f}},
                               {f32({1, 3, 1}, {0.2f, 0.15384616f, 0.33333334f})}}};
            },
    },
    {
        .name = "LpNormalization",
        .since = 22,
        .summary = "Each group along an axis divided by its norm; a group of zeros stays zero.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_lp,
        .infer = infer_lp,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"the Euclidean norm", {f32({1, 2}, {3, 4})}, {}, {f32({1, 2}, {0.6f, 0.8f})}}};
            },
    },
    {
        .name = "MeanVarianceNormalization",
        .since = 13,
        .summary = "Each group shifted to mean 0 and scaled to variance 1.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_mean_variance,
        .infer = infer_mean_variance,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade_mean_variance,
        .examples =
            [] {
              return Examples{
                  {"each row", {f32({2, 2}, {1, 3, 4, 0})}, {{"axes", Ints{1}}}, {f32({2, 2}, {-1, 1, 1, -1})}}};
            },
    },
};
constexpr OpRun runs[] = {
    {"", "LRN", lrn}, {"", "LpNormalization", lp}, {"", "MeanVarianceNormalization", mean_variance}};

}  // namespace

std::span<const OpDef> local_normalization_ops() { return defs; }
std::span<const OpRun> local_normalization_runs() { return runs; }

}  // namespace modelctl::ops
