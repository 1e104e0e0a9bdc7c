// modelctl::MaxPool, AveragePool and GlobalAveragePool: ONNX's pools with channels last, X and Y [N, spatial..., C].
// They exist so that a network of convolutions and pools keeps one layout: the channels-last pass creates them. Indices
// of maxima and storage_order stay with ONNX's form.
#include "ops/family/fused_attributes.hpp"
#include "ops/family/window.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/lowering.hpp"

#include <cmath>
#include <limits>

namespace modelctl::ops {
namespace {

using graph::Shape;

// The kernel's sizes come from kernel_shape alone: a pool has no weights.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 4));
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    auto windows = read_windows(call.attributes(), {}, x->size() - 2);
    if (!windows) return call.bad(windows.error().what);
    shape = Shape{(*x)[0]};
    for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
      shape->push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 1])));
    }
    shape->push_back(x->back());
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// All spatial sizes become 1; batch and channels stay.
Result<void> infer_global(Inference& call) {
  TRY(need_rank(call, 0, 3));
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    shape = Shape(x->size(), graph::Expr(1));
    shape->front() = x->front();
    shape->back() = x->back();
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// How many of a window's taps lie in the input or its padding: the last window of ceil_mode may reach beyond both, and
// the part beyond does not count in an average, even with count_include_pad.
// From the window's origin, which may lie in the padding, to the end of the padding there are `span` positions, and
// every dilation-th one is a tap: ceil(span / dilation) of them.
std::int64_t padded_taps(const Window& window, const Taps& taps, std::int64_t size) {
  std::int64_t span = size + window.end - taps.origin;
  return std::min(window.kernel, (span + window.dilation - 1) / window.dilation);
}

// A maximum starts at minus infinity and takes NaN, as the kernel does; a window of padding alone is minus infinity.
// Once a maximum is NaN it stays NaN: no comparison with it is true. An average of no taps at all is 0, since there is
// nothing to divide.
template <bool average>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 3, "X"));
  if (x.type != DType::f32) return refuse_type(x.type);
  if (x.rank() > 4) return refuse("X must have rank 3 or 4");
  Windows windows = TRY(read_windows(call.attributes, {}, x.rank() - 2));
  Windows3 at = TRY(windows3(windows, x.dims.subspan(1, x.rank() - 2)));
  Dims dims{x.dim(0)};
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) dims.push_back(at.out[3 - windows.axes.size() + axis]);
  dims.push_back(x.dims.back());
  bool with_padding = call.attributes.integer("count_include_pad") != 0;
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  const auto& [depth, height, width] = at.axes;  // depth is 1: X has two spatial axes at most
  const float* in = x.as<float>().data();
  float* out = y.as<float>().data();
  std::int64_t channels = x.dims.back();
  for (std::int64_t n = 0; n < x.dim(0); ++n) {
    for (std::int64_t oh = 0; oh < at.out[1]; ++oh) {
      Taps h = taps(height, oh, at.in[1]);
      for (std::int64_t ow = 0; ow < at.out[2]; ++ow) {
        Taps v = taps(width, ow, at.in[2]);
        // What an average divides by: the taps inside the image, or those inside the image or its padding.
        std::int64_t count = (h.last - h.first) * (v.last - v.first);
        if (with_padding) count = padded_taps(height, h, at.in[1]) * padded_taps(width, v, at.in[2]);
        for (std::int64_t c = 0; c < channels; ++c) {
          double result = average ? 0 : -std::numeric_limits<double>::infinity();
          for (std::int64_t kh = h.first; kh < h.last; ++kh) {
            for (std::int64_t kw = v.first; kw < v.last; ++kw) {
              std::int64_t row = h.origin + kh * height.dilation, column = v.origin + kw * width.dilation;
              double value = in[((n * at.in[1] + row) * at.in[2] + column) * channels + c];
              if (average) result += value;
              else if (value > result || std::isnan(value)) result = value;
            }
          }
          *out++ = static_cast<float>(average && count > 0 ? result / static_cast<double>(count) : result);
        }
      }
    }
  }
  return {};
}

// No window and no padding: the mean of all pixels, for any number of spatial axes.
// An image without pixels gives NaN, 0 / 0.
Result<void> evaluate_global(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 3, "X"));
  if (x.type != DType::f32) return refuse_type(x.type);
  Dims dims(x.rank(), 1);
  dims.front() = x.dims.front();
  dims.back() = x.dims.back();
  // The spatial axes are contiguous, so that any number of them is one axis of pixels.
  std::int64_t channels = x.dims.back(), pixels = product(x.dims.subspan(1, x.rank() - 2));
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  const float* in = x.as<float>().data();
  float* out = y.as<float>().data();
  for (std::int64_t n = 0; n < x.dim(0); ++n, in += pixels * channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::int64_t i = 0; i < pixels; ++i) sum += in[i * channels + c];
      *out++ = static_cast<float>(sum / static_cast<double>(pixels));
    }
  }
  return {};
}

// The kernels take the attributes of the operator as they are; auto_pad was resolved by the channels-last pass.
Result<bool> lower_pool(Lowering& call, std::string_view kernel) {
  if (!call.plain_f32(0)) return false;
  const graph::Node& node = call.node();
  call.emit(kernel, {node.input(0)},
            only(node.attributes, {"kernel_shape", "strides", "dilations", "pads", "ceil_mode", "count_include_pad"}));
  return true;
}
Result<bool> lower_max(Lowering& call) { return lower_pool(call, "max_pool_nhwc_f32"); }
Result<bool> lower_average(Lowering& call) { return lower_pool(call, "average_pool_nhwc_f32"); }
Result<bool> lower_global(Lowering& call) {
  if (!call.plain_f32(0)) return false;
  call.emit("global_average_pool_nhwc_f32", {call.node().input(0)}, {});
  return true;
}

constexpr AttributeDef kernel_attribute = {"kernel_shape", AttributeType::integers, "the window's sizes", true};
constexpr AttributeDef of_max[] = {ceil_attribute, dilations_attribute, kernel_attribute, pads_attribute,
                                   strides_attribute};
constexpr AttributeDef of_average[] = {
    ceil_attribute,      {"count_include_pad", AttributeType::integer, "1: padding counts; 0 if absent"},
    dilations_attribute, kernel_attribute,
    pads_attribute,      strides_attribute};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "MaxPool",
        .since = 1,
        .summary = "The greatest element of each window, channels last.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32",
        .attributes = of_max,
        .traits = {.channels_last = true},
        .infer = infer,
        .lower = lower_max,
        .examples =
            [] {
              return Examples{{"two channels",
                               {f32({1, 3, 2}, {1, 6, 2, 5, 3, 4})},
                               {{"kernel_shape", Ints{2}}},
                               {f32({1, 2, 2}, {2, 6, 3, 5})},
                               0}};
            },
    },
    {
        .domain = "modelctl",
        .name = "AveragePool",
        .since = 1,
        .summary = "The mean of each window, channels last.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32",
        .attributes = of_average,
        .traits = {.channels_last = true},
        .infer = infer,
        .lower = lower_average,
        .examples =
            [] {
              return Examples{
                  {"padding that does not count",
                   {f32({1, 2, 2, 1}, {1, 2, 3, 4})},
                   {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{0, 1, 0, 0}}},
                   {f32({1, 1, 2, 1}, {2, 2.5})}},
                  {"padding that counts",
                   {f32({1, 2, 2, 1}, {1, 2, 3, 4})},
                   {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{0, 1, 0, 0}}, {"count_include_pad", std::int64_t{1}}},
                   {f32({1, 1, 2, 1}, {1, 2.5})}}};
            },
    },
    {
        .domain = "modelctl",
        .name = "GlobalAveragePool",
        .since = 1,
        .summary = "The mean of each channel's plane, channels last.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32",
        .traits = {.channels_last = true},
        .infer = infer_global,
        .lower = lower_global,
        .examples =
            [] {
              return Examples{{"two channels", {f32({1, 2, 2}, {1, 10, 3, 30})}, {}, {f32({1, 1, 2}, {2, 20})}}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "MaxPool", evaluate<false>},
                          {"modelctl", "AveragePool", evaluate<true>},
                          {"modelctl", "GlobalAveragePool", evaluate_global}};

}  // namespace

std::span<const OpDef> nhwc_pool_ops() { return defs; }
std::span<const OpRun> nhwc_pool_runs() { return runs; }

}  // namespace modelctl::ops
