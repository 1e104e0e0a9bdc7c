// modelctl::Conv: ONNX's Conv with channels last and an epilogue: Y = activation(conv(X, W) + B + R).
//   X [N, spatial..., C]   W [M, C / group, kernel...], in ONNX's order   B [M]   R and Y [N, spatial'..., M]
// Passes create it (channels-last, then the fuse passes); the lowering packs W for the kernel, so that the graph stays
// free of the kernel's layout.
#include "kernels/conv.hpp"
#include "kernels/depthwise_conv.hpp"
#include "ops/family/fused_attributes.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/activation.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// X's spatial axes follow the batch, W's follow the maps and channels: axis + 1 of X belongs to axis + 2 of W.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  const Shape *x = call.shape(0), *w = call.shape(1);
  TRY(need_rank(call, 0, 3, 4));
  TRY(need_rank(call, 1, 3, 4));
  if (x == nullptr || w == nullptr) {
    call.set_output(0, element, x == nullptr ? std::nullopt : std::optional(unknown_shape(call, x->size())));
    return {};
  }
  if (x->size() != w->size()) return call.bad("X and W must have the same rank");
  TRY(same_size(call, x->back(), (*w)[1] * Expr(call.attributes().integer("group", 1))));
  Dims kernel;
  for (std::size_t axis = 2; axis < w->size(); ++axis) kernel.push_back((*w)[axis].constant().value_or(-1));
  // W may be computed in the run: then kernel_shape, if it is there, says the sizes.
  if (std::find(kernel.begin(), kernel.end(), -1) != kernel.end() && !call.attributes().has("kernel_shape")) {
    call.set_output(0, element, unknown_shape(call, x->size()));
    return {};
  }
  auto windows = read_windows(call.attributes(), kernel, x->size() - 2);
  if (!windows) return call.bad(windows.error().what);
  Shape shape{(*x)[0]};
  for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
    TRY(same_size(call, (*w)[axis + 2], Expr(windows->axes[axis].kernel)));
    shape.push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 1])));
  }
  shape.push_back((*w)[0]);
  call.set_output(0, element, std::move(shape));
  return {};
}

// Sums are in f64, where products of f32 are exact: the reference against which kernels are checked must not depend on
// the order of its additions.
//   y[n, o, m] = b[m] + sum over t and c of x[n, o * stride - pad + t * dilation, first + c] * w[m, c, t]
// with a place o and a tap t of all spatial axes, and `first` that of the C / group channels of m's group, the M /
// group maps of a group being neighbors too. One image with channels last has pixel (row, column) at (row * width +
// column) * C: a tap reads C / group neighbors.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2), &r = call.input(3);
  TRY(need_rank(x, 3, "X"));
  if (x.type != DType::f32 || w.type != DType::f32) return refuse_type(x.type);
  if (w.rank() != x.rank() || x.rank() > 4) return refuse("X and W must have the same rank, 3 or 4");
  Windows windows = TRY(read_windows(call.attributes, w.dims.subspan(2), x.rank() - 2));
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    if (windows.axes[axis].kernel != w.dim(axis + 2)) return refuse("kernel_shape is not W's");
  }
  Windows3 at = TRY(windows3(windows, x.dims.subspan(1, x.rank() - 2)));
  Activation activation = TRY(Activation::read(call.attributes));
  std::int64_t group = call.attributes.integer("group", 1);
  std::int64_t maps = w.dim(0), channels = w.dim(1), all = x.dims.back();
  if (group < 1 || maps % group != 0 || all % group != 0 || all / group != channels) {
    return refuse("X's channels do not fit W's");
  }
  Dims dims{x.dim(0)};
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) dims.push_back(at.out[3 - windows.axes.size() + axis]);
  dims.push_back(maps);
  if (b.present() && (b.type != DType::f32 || b.rank() != 1 || b.dim(0) != maps)) return refuse("B does not fit W");
  if (r.present() && (r.type != DType::f32 || Dims(r.dims.begin(), r.dims.end()) != dims)) {
    return refuse("R does not have the output's shape");
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  const float *in = x.as<float>().data(), *weights = w.as<float>().data();
  const auto& [depth, height, width] = at.axes;  // depth is 1: X has two spatial axes at most
  std::int64_t taps_all = height.kernel * width.kernel, i = 0;
  for (std::int64_t n = 0; n < x.dim(0); ++n) {
    for (std::int64_t oh = 0; oh < at.out[1]; ++oh) {
      Taps h = taps(height, oh, at.in[1]);
      for (std::int64_t ow = 0; ow < at.out[2]; ++ow) {
        Taps v = taps(width, ow, at.in[2]);
        // Only taps inside the image: padding adds nothing to a sum.
        for (std::int64_t m = 0; m < maps; ++m, ++i) {
          double sum = b.present() ? b.as<float>()[static_cast<std::size_t>(m)] : 0;
          std::int64_t first = m / (maps / group) * channels;
          for (std::int64_t kh = h.first; kh < h.last; ++kh) {
            for (std::int64_t kw = v.first; kw < v.last; ++kw) {
              std::int64_t row = h.origin + kh * height.dilation, column = v.origin + kw * width.dilation;
              const float* pixel = in + ((n * at.in[1] + row) * at.in[2] + column) * all + first;
              const float* tap = weights + m * channels * taps_all + kh * width.kernel + kw;
              for (std::int64_t c = 0; c < channels; ++c) sum += double{pixel[c]} * double{tap[c * taps_all]};
            }
          }
          if (r.present()) sum += r.as<float>()[static_cast<std::size_t>(i)];
          y.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(activation(sum));
        }
      }
    }
  }
  return {};
}

// Two kernels: a depthwise convolution has one filter for each channel, so that there is no sum over channels to make a
// matrix product of. Without constant weights there is nothing to pack, and evaluate runs.
Result<bool> lower(Lowering& call) {
  const Tensor* w = call.constant(1);
  if (w == nullptr || w->type() != DType::f32 || !call.plain_f32(0)) return false;
  const graph::Node& node = call.node();
  std::int64_t group = node.attributes.integer("group", 1), taps = 1;
  for (std::size_t axis = 2; axis < w->dims().size(); ++axis) taps *= w->dims()[axis];
  // The kernel keeps one offset for each tap of a window in a table of fixed size.
  if (taps > kernels::largest_conv_taps || w->elements() == 0) return false;
  Attributes attributes = only(node.attributes, {"strides", "dilations", "pads", "activation", "alpha", "beta"});
  attributes.set("kernel_shape", std::vector<std::int64_t>(w->dims().begin() + 2, w->dims().end()));
  // One map for each channel; a channel multiplier (several maps) stays with the general kernel.
  bool depthwise = group > 1 && w->dims()[0] == group && w->dims()[1] == 1;
  if (depthwise) {
    call.emit("depthwise_conv_nhwc_f32",
              {node.input(0), kernels::pack_depthwise_weights(w->view()), node.input(2), node.input(3)},
              std::move(attributes));
    return true;
  }
  attributes.set("group", group);
  call.emit("conv_nhwc_f32",
            {node.input(0), kernels::pack_conv_weights(w->view(), group), node.input(2), node.input(3)},
            std::move(attributes));
  return true;
}

constexpr AttributeDef attributes[] = {
    activation_attribute, activation_alpha,
    activation_beta,      dilations_attribute,
    group_attribute,      {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    pads_attribute,       strides_attribute};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "Conv",
        .since = 1,
        .summary = "Convolution with channels last, then bias, residual and activation.",
        .inputs = "X W B? R?",
        .outputs = "Y",
        .types = "f32",
        .attributes = attributes,
        .traits = {.channels_last = true, .epilogue = true},
        .infer = infer,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"two channels side by side, and a bias",
                               {f32({1, 2, 1, 2}, {1, 10, 2, 20}), f32({1, 2, 1, 1}, {1, 0.5}), f32({1}, {100})},
                               {},
                               {f32({1, 2, 1, 1}, {106, 112})}},
                              {"a residual, and negative sums cut off",
                               {f32({1, 3, 1}, {1, 2, 3}), f32({1, 1, 2}, {1, -1}), Tensor(), f32({1, 2, 1}, {-1, 3})},
                               {{"activation", std::string("relu")}},
                               {f32({1, 2, 1}, {0, 2})}},
                              {"one filter for each channel",
                               {f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({2, 1, 1, 2}, {1, 1, 1, -1})},
                               {{"group", std::int64_t{2}}, {"pads", Ints{0, 0, 0, 1}}},
                               {f32({1, 1, 2, 2}, {4, -2, 3, 4})}}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "Conv", evaluate}};

}  // namespace

std::span<const OpDef> nhwc_conv_ops() { return defs; }
std::span<const OpRun> nhwc_conv_runs() { return runs; }

}  // namespace modelctl::ops
