// BatchNormalization, InstanceNormalization, GroupNormalization, LayerNormalization and RMSNormalization: numbers
// shifted and scaled by statistics of their own group, or (BatchNormalization) by given ones. The variance is the mean
// of squared differences from the mean, in a second pass: the difference of E[x^2] and E[x]^2 cancels for data far from
// zero.
//
// Over a group G of N elements, with the population variance (a division by N and not N - 1, also in training):
//
//   mean = sum(x) / N,  variance = sum((x - mean)^2) / N,  y = scale (x - mean) / sqrt(variance + epsilon) + bias
//
// The operators differ in G: a channel over the batch (BatchNormalization in training), one channel of one image
// (InstanceNormalization), some channels of one image (GroupNormalization), or the trailing axes (LayerNormalization,
// Ba et al., 2016). RMSNormalization (Zhang and Sennrich, 2019) does not subtract the mean: y = scale x /
// sqrt(mean(x^2) + epsilon). The reference takes all statistics in f64.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// `size` elements of a tensor of floats, from element `first` on.
struct Group {
  const TensorView& x;
  std::int64_t first, size;
};
struct Statistics {
  double mean = 0, variance = 0;
};
// Two passes, O(N) each. An empty group would divide by 0: callers skip it.
Statistics statistics(const Group& group) {
  auto load = load_of<double>(group.x.type);
  auto count = static_cast<double>(group.size);
  Statistics all;
  for (std::int64_t i = 0; i < group.size; ++i) all.mean += load(group.x.data, group.first + i);
  all.mean /= count;
  for (std::int64_t i = 0; i < group.size; ++i) {
    double shifted = load(group.x.data, group.first + i) - all.mean;
    all.variance += shifted * shifted;
  }
  all.variance /= count;
  return all;
}

// One parameter for each channel, of any float type.
Result<std::vector<double>> channel_numbers(const TensorView& view, std::int64_t channels, std::string_view what) {
  if (view.rank() != 1 || view.dim(0) != channels) {
    return refuse(std::string(what) + " must have one element for each of " + std::to_string(channels) + " channels");
  }
  if (!holds<Floats>(view.type)) return refuse_type(view.type);
  auto load = load_of<double>(view.type);
  std::vector<double> all;
  for (std::int64_t i = 0; i < channels; ++i) all.push_back(load(view.data, i));
  return all;
}

// scale, B, mean and variance are vectors with one element for each channel, axis 1 of X.
Result<void> infer_batch(Inference& call) {
  TRY(need_rank(call, 0, 1));
  const Shape* x = call.shape(0);
  for (std::size_t index = 1; index < 5; ++index) {
    TRY(need_rank(call, index, 1, 1));
    const Shape* parameter = call.shape(index);
    // A vector X is a batch of N with one channel, as the specification says; it has no axis 1 to compare with.
    if (x != nullptr && parameter != nullptr && x->size() > 1) TRY(same_size(call, (*x)[1], (*parameter)[0]));
  }
  // running_mean and running_var have the type and shape of inputs 3 and 4, which may be of another float type than X.
  for (std::size_t index = 1; index < call.node().outputs().size(); ++index) {
    const Shape* parameter = call.shape(index + 2);
    call.set_output(index, call.element(index + 2), parameter == nullptr ? std::nullopt : std::optional(*parameter));
  }
  return infer_same(call);
}

// Training uses the statistics of the batch; the running statistics move toward them:
//
//   running = input * momentum + batch * (1 - momentum)
//
// On return, `mean` and `variance` hold the batch's statistics, with which the caller normalizes.
Result<void> train_batch(const Call& call, Outputs& outputs, std::vector<double>& mean, std::vector<double>& variance) {
  const TensorView& x = call.input(0);
  auto channels = static_cast<std::int64_t>(mean.size());
  std::int64_t plane = x.rank() > 1 ? product(x.dims.subspan(2)) : 1;
  double momentum = call.attributes.number("momentum", 0.9f);
  auto load = load_of<double>(x.type);
  std::vector<double> sums(mean.size()), squares(mean.size());
  // X is [N, C, plane]: element i of it belongs to channel i / plane % C.
  auto channel = [&](std::int64_t i) { return static_cast<std::size_t>(i / plane % channels); };
  std::int64_t count = x.elements();
  double each = channels == 0 ? 0 : static_cast<double>(count / channels);
  for (std::int64_t i = 0; i < count; ++i) sums[channel(i)] += load(x.data, i);
  for (double& sum : sums) sum /= each;
  for (std::int64_t i = 0; i < count; ++i) {
    double shifted = load(x.data, i) - sums[channel(i)];
    squares[channel(i)] += shifted * shifted;
  }
  for (double& square : squares) square /= each;
  for (std::size_t output : {1, 2}) {
    if (!outputs.wanted(output)) continue;
    const std::vector<double>&old = output == 1 ? mean : variance, &seen = output == 1 ? sums : squares;
    DType type = call.input(output + 2).type;
    MutableTensorView running = TRY(outputs.allocate(output, type, Dims{channels}));
    auto store = store_of<double>(type);
    for (std::size_t c = 0; c < old.size(); ++c) {
      store(running.data, static_cast<std::int64_t>(c), old[c] * momentum + seen[c] * (1 - momentum));
    }
  }
  mean = std::move(sums);
  variance = std::move(squares);
  return {};
}

// y = scale (x - mean) / sqrt(variance + epsilon) + B, where inference takes mean and variance as they are given. A
// BatchNormalization after a convolution is folded into its weights by passes/fold_batch_norm.cpp.
Result<void> batch(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "X"));
  bool trains = call.attributes.integer("training_mode") != 0;
  // Without training nothing moves the running statistics; a node that asks for them is of the older training form.
  if (!trains && (outputs.wanted(1) || outputs.wanted(2)))
    return refuse("running statistics are given in training only");
  std::int64_t channels = x.rank() > 1 ? x.dim(1) : 1;
  auto scale = TRY(channel_numbers(call.input(1), channels, "scale"));
  auto bias = TRY(channel_numbers(call.input(2), channels, "B"));
  auto mean = TRY(channel_numbers(call.input(3), channels, "input_mean"));
  auto variance = TRY(channel_numbers(call.input(4), channels, "input_var"));
  double epsilon = call.attributes.number("epsilon", 1e-5f);
  std::int64_t plane = x.rank() > 1 ? product(x.dims.subspan(2)) : 1;
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  if (trains) TRY(train_batch(call, outputs, mean, variance));
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for (std::int64_t i = 0, count = x.elements(); i < count; ++i) {
    auto c = static_cast<std::size_t>(i / plane % channels);
    store(y.data, i, (load(x.data, i) - mean[c]) / std::sqrt(variance[c] + epsilon) * scale[c] + bias[c]);
  }
  return {};
}

// Opset 14 marks training by an attribute, earlier ones by the number of outputs. Opset 7 also had spatial=0: a scale
// for each element instead of each channel. Both are refused rather than guessed: the older training outputs
// (saved_mean and saved_var) have no counterpart in the newest form.
Result<void> upgrade_batch(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (node.attributes.integer("spatial", 1) == 0) return upgrade.bad("spatial=0 is not supported");
  node.attributes.erase("spatial");
  if (upgrade.opset < 14) {
    for (std::size_t i = 1; i < node.outputs().size(); ++i) {
      if (node.output(i) != nullptr)
        return upgrade.bad("it is in training form, with " + std::to_string(node.outputs().size()) + " outputs");
    }
  }
  return {};
}

Result<void> infer_channels(Inference& call) {  // InstanceNormalization, GroupNormalization
  TRY(need_rank(call, 0, 2));
  const Shape* x = call.shape(0);
  for (std::size_t index = 1; index < 3; ++index) {
    TRY(need_rank(call, index, 1, 1));
    if (x != nullptr && call.shape(index) != nullptr) TRY(same_size(call, (*x)[1], (*call.shape(index))[0]));
  }
  return infer_same(call);
}

// Each group of channels of each image has its own statistics. The channels of a group are neighbors, so that in [N, C,
// plane] a group is one contiguous run of C / groups * plane elements.
Result<void> normalize_groups(const Call& call, Outputs& outputs, std::int64_t groups) {
  const TensorView& x = call.input(0);
  std::int64_t channels = x.dim(1), plane = product(x.dims.subspan(2));
  auto scale = TRY(channel_numbers(call.input(1), channels, "scale"));
  auto bias = TRY(channel_numbers(call.input(2), channels, "bias"));
  double epsilon = call.attributes.number("epsilon", 1e-5f);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  // Groups of no elements (no channels, an empty plane) leave y empty; the loop must not take their statistics.
  std::int64_t size = channels / groups * plane;
  for (std::int64_t group = 0; group < x.dim(0) * groups && size > 0; ++group) {
    Statistics of = statistics({x, group * size, size});
    for (std::int64_t i = group * size; i < (group + 1) * size; ++i) {
      auto c = static_cast<std::size_t>(i / plane % channels);
      store(y.data, i, (load(x.data, i) - of.mean) / std::sqrt(of.variance + epsilon) * scale[c] + bias[c]);
    }
  }
  return {};
}

// A group for each channel (Ulyanov et al., 2016).
Result<void> instance(const Call& call, Outputs& outputs) {
  TRY(need_rank(call.input(0), 2, "input"));
  // No channels would be no groups to divide by; one empty group is the same.
  return normalize_groups(call, outputs, std::max(call.input(0).dim(1), std::int64_t{1}));
}

// Wu and He, 2018. The channels are split into equal groups of neighbors.
Result<void> group(const Call& call, Outputs& outputs) {
  TRY(need_rank(call.input(0), 2, "X"));
  std::int64_t groups = call.attributes.integer("num_groups", 1);
  if (groups < 1 || call.input(0).dim(1) % groups != 0) return refuse("num_groups does not divide the channels");
  return normalize_groups(call, outputs, groups);
}

// Opset 18 had one scale and bias for each group rather than each channel. The newer form can express it only by
// repeating them, which needs the number of channels.
Result<void> upgrade_group(const Upgrade& upgrade) {
  if (upgrade.opset < 21) return upgrade.bad("its scale and bias belong to groups; export with opset 21");
  return {};
}

Result<void> infer_layer(Inference& call) {  // LayerNormalization, RMSNormalization
  TRY(infer_same(call));
  const Shape* x = call.shape(0);
  if (x == nullptr) return {};
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis", -1), x->size()));
  // LayerNormalization's Mean and InvStdDev keep X's rank, with size 1 from `axis` on. They are f32 whatever X is,
  // since the specification's stash_type is f32 by default. RMSNormalization has no such outputs.
  Shape statistics = *x;
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(axis), statistics.end(), Expr(1));
  for (std::size_t index = 1; index < call.node().outputs().size(); ++index) {
    call.set_output(index, DType::f32, statistics);
  }
  return {};
}

// The axes from `axis` on are one group; scale and bias broadcast to the input, in that direction only: an operand that
// would enlarge X is refused. `centered` is false for RMSNormalization, which has neither a mean nor a bias.
template <bool centered>
Result<void> layer(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &scale = call.input(1), &bias = call.input(2);
  TRY(need_rank(x, 1, "X"));
  TRY(same_type(x, scale));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -1), x.rank()));
  double epsilon = call.attributes.number("epsilon", 1e-5f);
  Dims full(x.dims.begin(), x.dims.end());
  if (TRY(broadcast_dims(x.dims, scale.dims)) != full) return refuse("scale does not broadcast to X");
  Dims scale_strides = broadcast_strides(scale.dims, x.dims), bias_strides(x.rank(), 0);
  bool biased = centered && bias.present();
  if (biased) {
    TRY(same_type(x, bias));
    if (TRY(broadcast_dims(x.dims, bias.dims)) != full) return refuse("B does not broadcast to X");
    bias_strides = broadcast_strides(bias.dims, x.dims);
  }
  Dims statistics_dims = full;
  std::fill(statistics_dims.begin() + static_cast<std::ptrdiff_t>(axis), statistics_dims.end(), 1);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::int64_t size = product(x.dims.subspan(axis)), groups = product(x.dims.first(axis));
  std::vector<double> means, factors;
  for (std::int64_t g = 0; g < groups && size > 0; ++g) {
    Statistics of = statistics({x, g * size, size});
    // mean(x^2) = variance + mean^2. Both terms are positive, so nothing cancels.
    if (!centered) of = {0, of.variance + of.mean * of.mean};
    means.push_back(of.mean);
    factors.push_back(1 / std::sqrt(of.variance + epsilon));
  }
  for_each_index<2>(x.dims, {scale_strides, bias_strides}, [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
    auto g = static_cast<std::size_t>(i / size);
    double value = (load(x.data, i) - means[g]) * factors[g] * load(scale.data, at[0]);
    store(y.data, i, biased ? value + load(bias.data, at[1]) : value);
  });
  // Groups without elements were skipped; their statistics are reported as 0.
  means.resize(static_cast<std::size_t>(groups));
  factors.resize(static_cast<std::size_t>(groups));
  for (std::size_t index = 1; index < 3; ++index) {
    if (!outputs.wanted(index)) continue;
    MutableTensorView reported = TRY(outputs.allocate(index, DType::f32, statistics_dims));
    const auto& values = index == 1 ? means : factors;
    auto floats = reported.as<float>();
    for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(values[i]);
  }
  return {};
}

constexpr AttributeDef epsilon = {"epsilon", AttributeType::number, "added to the variance; 1e-5 if absent"};
constexpr AttributeDef stash = {"stash_type", AttributeType::integer,
                                "precision of the statistics; taken in f64 whatever it says"};
constexpr AttributeDef from_axis = {"axis", AttributeType::integer, "the first axis of a group; the last if absent"};

constexpr AttributeDef of_batch[] = {
    epsilon,
    {"momentum", AttributeType::number, "of the running statistics in training; 0.9 if absent"},
    {"training_mode", AttributeType::integer, "0 if absent; 1: statistics of the batch, and running ones as outputs"}};
constexpr AttributeDef of_instance[] = {epsilon};
constexpr AttributeDef of_group[] = {
    epsilon, {"num_groups", AttributeType::integer, "number of groups of channels", true}, stash};
constexpr AttributeDef of_layer[] = {from_axis, epsilon, stash};

// Whether an operand is one row of these sizes, under any number of axes of size 1. It is not if it must be repeated to
// cover the row (it has fewer axes, or size 1 where the row has not), or has another row for each index of a leading
// axis. A symbolic size of the row is taken as equal; the kernel checks the number of elements again when it is bound.
bool is_row(const graph::Shape& operand, std::span<const graph::Expr> row) {
  if (operand.size() < row.size()) return false;
  const std::size_t leading = operand.size() - row.size();
  for (std::size_t i = 0; i < operand.size(); ++i) {
    if (i < leading ? !operand[i].is(1) : operand[i].is(1) && !row[i - leading].is(1)) return false;
  }
  return true;
}

// The kernel reads scale and bias as one contiguous row; a form that it cannot read runs in the reference
// implementation.
Result<bool> lower_layer(Lowering& call) {
  const graph::Node& node = call.node();
  if (!call.plain_f32(0) || !call.plain_f32(1) || (node.input(2) != nullptr && !call.plain_f32(2))) return false;
  // The kernel always writes Y; a node of which only the statistics are read runs in the reference implementation.
  if (!call.read(0)) return false;
  const graph::Shape& x = *call.shape(0);
  auto axis = axis_index(call.attributes().integer("axis", -1), x.size());
  for (std::size_t index : {1u, 2u}) {
    const graph::Shape* shape = call.shape(index);
    if (!axis || (shape != nullptr && !is_row(*shape, std::span(x).subspan(*axis)))) return false;
  }
  Attributes attributes{{"axis", call.attributes().integer("axis", -1)},
                        {"epsilon", call.attributes().number("epsilon", 1e-5f)}};
  call.emit("layer_normalization_f32", {node.input(0), node.input(1), node.input(2)}, std::move(attributes));
  return true;
}

// The kernel requires a scale with one element for each element of a row.
Result<bool> lower_rms(Lowering& call) {
  if (!call.plain_f32(0) || !call.plain_f32(1)) return false;
  const Shape &x = *call.shape(0), &scale = *call.shape(1);
  std::int64_t axis = call.attributes().integer("axis", -1);
  auto rank = static_cast<std::int64_t>(x.size());
  if (axis < 0) axis += rank;
  if (axis < 0 || !std::equal(x.begin() + static_cast<std::ptrdiff_t>(axis), x.end(), scale.begin(), scale.end())) {
    return false;
  }
  call.emit("rms_normalization_f32", {call.node().input(0), call.node().input(1)},
            {{"axis", axis}, {"epsilon", call.attributes().number("epsilon", 1e-5f)}});
  return true;
}

constexpr OpDef defs[] = {
    {
        .name = "BatchNormalization",
        .since = 15,
        .summary = "Each channel shifted and scaled by statistics that training found.",
        .inputs = "X scale:floats B:scale input_mean:floats input_var:input_mean",
        .outputs = "Y running_mean? running_var?",
        .types = float_types,
        .attributes = of_batch,
        .infer = infer_batch,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade_batch,
        .examples =
            [] {
              return Examples{{"two channels",
                               {f32({1, 2, 2}, {1, 2, 3, 4}), f32({2}, {1, 2}), f32({2}, {0, 1}), f32({2}, {1, 3}),
                                f32({2}, {4, 1})},
                               {{"epsilon", 0.0f}},
                               {f32({1, 2, 2}, {0, 0.5f, 1, 3})}},
                              {"training, with the batch's own statistics",
                               {f32({1, 1, 2}, {1, 3}), f32({1}, {1}), f32({1}, {0}), f32({1}, {0}), f32({1}, {1})},
                               {{"epsilon", 0.0f}, {"momentum", 0.5f}, {"training_mode", std::int64_t{1}}},
                               {f32({1, 1, 2}, {-1, 1}), f32({1}, {1}), f32({1}, {1})}}};
            },
    },
    {
        .name = "InstanceNormalization",
        .since = 22,
        .summary = "Each channel of each image normalized by its own mean and variance.",
        .inputs = "input scale:input B:input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_instance,
        .infer = infer_channels,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"one channel",
                               {f32({1, 1, 2}, {1, 3}), f32({1}, {2}), f32({1}, {1})},
                               {{"epsilon", 0.0f}},
                               {f32({1, 1, 2}, {-1, 3})}}};
            },
    },
    {
        .name = "GroupNormalization",
        .since = 21,
        .summary = "Each group of channels of each image normalized by its own mean and variance.",
        .inputs = "X scale:X bias:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_group,
        .infer = infer_channels,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade_group,
        .examples =
            [] {
              return Examples{{"two channels in one group",
                               {f32({1, 2, 1}, {1, 3}), f32({2}, {2, 1}), f32({2}, {1, 0})},
                               {{"epsilon", 0.0f}, {"num_groups", std::int64_t{1}}},
                               {f32({1, 2, 1}, {-1, 1})}}};
            },
    },
    {
        .name = "LayerNormalization",
        .since = 17,
        .summary = "The last axes normalized by their own mean and variance.",
        .inputs = "X Scale:X B?:X",
        .outputs = "Y Mean? InvStdDev?",
        .types = float_types,
        .attributes = of_layer,
        .infer = infer_layer,
        .short_floats = ShortFloats::widen,
        .lower = lower_layer,
        .examples =
            [] {
              return Examples{
                  {"each row",
                   {f32({2, 2}, {1, 3, 2, 6}), f32({2}, {1, 2}), f32({2}, {0, 1})},
                   {{"epsilon", 0.0f}},
                   {f32({2, 2}, {-1, 3, -1, 3}), f32({2, 1}, {2, 4}), f32({2, 1}, {1, 0.5f})}},
                  {"one scale for all", {f32({2}, {1, 3}), f32({1}, {2})}, {{"epsilon", 0.0f}}, {f32({2}, {-2, 2})}},
                  {"a scale of its own for each row",
                   {f32({2, 2}, {1, 3, 2, 6}), f32({2, 2}, {1, 2, 3, 4})},
                   {{"epsilon", 0.0f}},
                   {f32({2, 2}, {-1, 2, -3, 4})}}};
            },
    },
    {
        .name = "RMSNormalization",
        .since = 23,
        .summary = "The last axes divided by the root of their mean square.",
        .inputs = "X scale:floats",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_layer,
        .infer = infer_layer,
        .short_floats = ShortFloats::widen,
        .lower = lower_rms,
        .examples =
            [] {
              return Examples{{"one row",
                               {f32({1, 2}, {1, 7}), f32({2}, {1, 2})},
                               {{"epsilon", 0.0f}},
                               {f32({1, 2}, {0.2f, 2.8f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "BatchNormalization", batch},
                          {"", "InstanceNormalization", instance},
                          {"", "GroupNormalization", group},
                          {"", "LayerNormalization", layer<true>},
                          {"", "RMSNormalization", layer<false>}};

}  // namespace

std::span<const OpDef> normalization_ops() { return defs; }
std::span<const OpRun> normalization_runs() { return runs; }

}  // namespace modelctl::ops
