// modelctl::ConvTranspose: ONNX's ConvTranspose with channels last, and what follows it taken in: Y = activation(
// transposed convolution of X by W + B + R). Passes make it, with explicit pads; W keeps ONNX's order, the lowering
// packs it.
#include "kernels/conv_transpose.hpp"
#include "ops/family/fused_attributes.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/activation.hpp"
#include "ops/reference/convolve_transposed.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// A transposed convolution is the gradient of a convolution with respect to its input: element i of an axis spreads the
// kernel from i * stride on. So the axis has, with reach = (kernel - 1) * dilation + 1,
//   (in - 1) * stride + reach + output_padding - pad_begin - pad_end
// elements. A symbolic size takes the formula; for a known one `spread` also checks it. W is [C, M / group, kernel...]:
// the axes of maps and channels are the other way round than in Conv.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  const Shape *x = call.shape(0), *w = call.shape(1);
  TRY(need_rank(call, 0, 3, 5));
  TRY(need_rank(call, 1, 3, 5));
  Dims kernel;
  for (std::size_t axis = 2; w != nullptr && axis < w->size(); ++axis) {
    kernel.push_back((*w)[axis].constant().value_or(-1));
  }
  if (x == nullptr || w == nullptr || std::find(kernel.begin(), kernel.end(), -1) != kernel.end()) {
    call.set_output(0, element, x == nullptr ? std::nullopt : std::optional(unknown_shape(call, x->size())));
    return {};
  }
  if (x->size() != w->size()) return call.bad("X and W must have the same rank");
  TRY(same_size(call, x->back(), (*w)[0]));
  auto transposed = read_transposed_windows(call.attributes(), kernel, x->size() - 2);
  if (!transposed) return call.bad(transposed.error().what);
  Shape shape{(*x)[0]};
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) {
    const Window& window = transposed->windows.axes[axis];
    const Expr& in = (*x)[axis + 1];
    if (auto size = in.constant()) {
      auto out = spread(*transposed, axis, *size);
      if (!out) return call.bad(out.error().what);
      shape.push_back(Expr(out->size));
    } else {
      shape.push_back(in * Expr(window.stride) + Expr(window.reach() + transposed->output_padding[axis] - window.begin -
                                                      window.end - window.stride));
    }
  }
  shape.push_back((*w)[1] * Expr(call.attributes().integer("group", 1)));
  call.set_output(0, element, std::move(shape));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2), &r = call.input(3);
  TRY(need_rank(x, 3, "X"));
  if (x.type != DType::f32 || w.type != DType::f32) return refuse_type(x.type);
  const TransposedConvolution conv =
      TRY(transposed_convolution_of(call.attributes, x.dim(0), x.dims.back(), x.dims.subspan(1, x.rank() - 2), w.dims));
  Activation activation = TRY(Activation::read(call.attributes));
  const std::int64_t maps = conv.maps * conv.group, plane = product(conv.spatial);
  Dims dims{x.dim(0)};
  dims.insert(dims.end(), conv.spatial.begin(), conv.spatial.end());
  dims.push_back(maps);
  if (b.present() && (b.type != DType::f32 || b.rank() != 1 || b.dim(0) != maps)) return refuse("B does not fit W");
  if (r.present() && (r.type != DType::f32 || Dims(r.dims.begin(), r.dims.end()) != dims)) {
    return refuse("R does not have the output's shape");
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  if (y.elements() == 0) return {};
  // Bias and residual come once for each output, after all overlapping products have been added.
  convolve_transposed(call, conv, x.as<float>().data(), w.as<float>().data(), true,
                      [&](std::int64_t n, std::int64_t m, std::int64_t place, double sum) {
                        const auto at = static_cast<std::size_t>((n * plane + place) * maps + m);
                        if (b.present()) sum += b.as<float>()[static_cast<std::size_t>(m)];
                        if (r.present()) sum += r.as<float>()[at];
                        y.as<float>()[at] = static_cast<float>(activation(sum));
                      });
  return {};
}

// The kernel runs one plain convolution for each phase of the strides (kernels/conv_transpose.hpp), of which it bounds
// the number and the taps. It needs the beginnings of the pads alone: where an axis ends, output_padding included, is
// in the dimensions of the output.
Result<bool> lower(Lowering& call) {
  const Tensor* w = call.constant(1);
  if (w == nullptr || w->type() != DType::f32 || !call.plain_f32(0) || w->elements() == 0) return false;
  const graph::Node& node = call.node();
  const std::size_t axes = w->dims().size() - 2;
  const Windows windows = TRY(read_windows(node.attributes, DimsView(w->dims()).subspan(2), axes));
  std::vector<kernels::TransposedAxis> along;
  std::vector<std::int64_t> kernel, begins;
  for (const Window& window : windows.axes) {
    along.push_back({window.kernel, window.stride, window.dilation, window.begin});
    kernel.push_back(window.kernel);
    begins.push_back(window.begin);
    if (window.stride > kernels::largest_transposed_stride) return false;
  }
  if (kernels::most_taps_of_a_phase(along) > kernels::largest_phase) return false;
  const std::int64_t group = node.attributes.integer("group", 1);
  Attributes attributes = only(node.attributes, {"strides", "dilations", "activation", "alpha", "beta"});
  attributes.set("kernel_shape", std::move(kernel));
  attributes.set("begins", std::move(begins));
  attributes.set("group", group);
  call.emit(
      "conv_transpose_nhwc_f32",
      {node.input(0), kernels::pack_conv_transpose_weights(w->view(), along, group), node.input(2), node.input(3)},
      std::move(attributes));
  return true;
}

constexpr AttributeDef attributes[] = {
    activation_attribute,
    activation_alpha,
    activation_beta,
    dilations_attribute,
    group_attribute,
    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    {"output_padding", AttributeType::integers, "added to the output's ends; 0 if absent"},
    pads_attribute,
    strides_attribute};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "ConvTranspose",
        .since = 1,
        .summary = "Transposed convolution with channels last, then bias, residual and activation.",
        .inputs = "X W B? R?",
        .outputs = "Y",
        .types = "f32",
        .attributes = attributes,
        .traits = {.channels_last = true, .epilogue = true},
        .infer = infer,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"stride 2 doubles the size",
                               {f32({1, 2, 1}, {1, 2}), f32({1, 1, 2}, {1, 10}), f32({1}, {0.5f})},
                               {{"strides", Ints{2}}},
                               {f32({1, 4, 1}, {1.5f, 10.5f, 2.5f, 20.5f})}},
                              {"kernels overlap, padding cuts, and a residual",
                               {f32({1, 2, 2, 1}, {1, 2, 3, 4}), f32({1, 1, 2, 2}, {1, 1, 1, 1}), Tensor(),
                                f32({1, 2, 2, 1}, {0, 0, 0, -20})},
                               {{"pads", Ints{0, 0, 1, 1}}, {"activation", std::string("relu")}},
                               {f32({1, 2, 2, 1}, {1, 3, 4, 0})}},
                              {"two groups, and a size that is asked for",
                               {f32({1, 2, 2}, {1, 2, 3, 4}), f32({2, 1, 1}, {1, 10})},
                               {{"strides", Ints{2}}, {"group", std::int64_t{2}}, {"output_padding", Ints{1}}},
                               {f32({1, 4, 2}, {1, 20, 0, 0, 3, 40, 0, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "ConvTranspose", evaluate}};

}  // namespace

std::span<const OpDef> nhwc_conv_transpose_ops() { return defs; }
std::span<const OpRun> nhwc_conv_transpose_runs() { return runs; }

}  // namespace modelctl::ops
