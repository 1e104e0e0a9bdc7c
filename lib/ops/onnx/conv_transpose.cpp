// ConvTranspose: the gradient of Conv with respect to its input. Each input element adds the kernel, scaled by it, to
// the output. X is [N, C, spatial...], W is [C, M / group, kernel...].
#include "ops/family/cost.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/convolve_transposed.hpp"
#include "ops/schema/example.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// Along each axis, input element i and tap k meet in output element o = i stride + k dilation - begin, and there are
// stride (in - 1) + output_padding + dilation (kernel - 1) + 1 - begin - end of these. If output_shape is given, the
// equation is solved for begin + end instead; with auto_pad SAME the output has in * stride elements. `spread`
// (reference/convolve_transposed.cpp) divides the padding that follows. A strided Conv maps several sizes to the same
// one; output_padding selects the one that this operator returns to.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  const Shape *x = call.shape(0), *w = call.shape(1);
  TRY(need_rank(call, 0, 3));
  TRY(need_rank(call, 1, 3));
  if (x == nullptr || w == nullptr) {
    const Shape* known = x == nullptr ? w : x;
    call.set_output(0, element, known == nullptr ? std::nullopt : std::optional(unknown_shape(call, known->size())));
    return {};
  }
  if (x->size() != w->size()) return call.bad("X and W must have the same rank");
  TRY(same_size(call, (*x)[1], (*w)[0]));
  std::int64_t group = call.attributes().integer("group", 1);
  if (group < 1 || group >= std::int64_t{1} << 31) return call.bad("group cannot be " + std::to_string(group));
  // W begins with the input's channels, unlike Conv's, and has the output channels of one group after them.
  Shape shape{(*x)[0], (*w)[1] * Expr(group)};
  // -1: a size that only the run knows. kernel_shape may give it all the same.
  Dims kernel;
  for (std::size_t axis = 2; axis < w->size(); ++axis) kernel.push_back((*w)[axis].constant().value_or(-1));
  bool known = std::find(kernel.begin(), kernel.end(), -1) == kernel.end();
  if (!known && !call.attributes().has("kernel_shape")) {
    for (std::size_t axis = 2; axis < x->size(); ++axis) shape.push_back(call.fresh_symbol());
    call.set_output(0, element, std::move(shape));
    return {};
  }
  auto transposed = read_transposed_windows(call.attributes(), kernel, x->size() - 2);
  if (!transposed) return call.bad(transposed.error().what);
  const Windows& windows = transposed->windows;
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    const Window& window = windows.axes[axis];
    const Expr& in = (*x)[axis + 2];
    // A number takes the checked path of the run, so that both refuse the same sizes. For symbols the order of the
    // branches is that of `spread`: output_shape before auto_pad before padding.
    if (auto size = in.constant()) {
      auto out = spread(*transposed, axis, *size);
      if (!out) return call.bad(out.error().what);
      shape.push_back(Expr(out->size));
    } else if (!transposed->output_shape.empty()) {
      shape.push_back(Expr(transposed->output_shape[axis]));
    } else if (windows.auto_pad == AutoPad::same_upper || windows.auto_pad == AutoPad::same_lower) {
      shape.push_back(in * Expr(window.stride));
    } else {
      std::int64_t fixed =
          window.reach() + transposed->output_padding[axis] - window.begin - window.end - window.stride;
      shape.push_back(in * Expr(window.stride) + Expr(fixed));
    }
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

// The input is scattered: each element adds its multiple of the kernel to a plane of f64 sums, to which the bias is
// added when the plane is complete. A gather for each output element would have to test which taps meet an input at
// all, since the stride leaves gaps between them.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2);
  TRY(need_rank(x, 3, "X"));
  TRY(same_type(x, w));
  const TransposedConvolution conv =
      TRY(transposed_convolution_of(call.attributes, x.dim(0), x.dim(1), x.dims.subspan(2), w.dims));
  const std::int64_t maps = conv.maps * conv.group;
  Dims dims{x.dim(0), maps};
  dims.insert(dims.end(), conv.spatial.begin(), conv.spatial.end());
  if (b.present()) {
    TRY(same_type(x, b));
    if (b.rank() != 1 || b.dim(0) != maps) return refuse("B must have one element for each output channel");
  }
  return for_type<Floats>(x.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
    if (y.elements() == 0) return {};
    const std::int64_t plane = product(conv.spatial);
    convolve_transposed(call, conv, x.as<T>().data(), w.as<T>().data(), false,
                        [&](std::int64_t n, std::int64_t m, std::int64_t place, double sum) {
                          if (b.present()) {
                            sum +=
                                static_cast<double>(static_cast<compute_t<T>>(b.as<T>()[static_cast<std::size_t>(m)]));
                          }
                          y.as<T>()[static_cast<std::size_t>((n * maps + m) * plane + place)] =
                              static_cast<T>(static_cast<compute_t<T>>(sum));
                        });
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    auto_pad_attribute,
    dilations_attribute,
    group_attribute,
    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    {"output_padding", AttributeType::integers, "added to the output's ends; 0 if absent"},
    {"output_shape", AttributeType::integers, "the output's sizes, from which the padding then follows"},
    pads_attribute,
    strides_attribute};

constexpr OpDef defs[] = {
    {
        .name = "ConvTranspose",
        .since = 22,
        .summary = "Each input element spreads the kernel over the output.",
        .inputs = "X W:X B?:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .traits = {.multiplications = product_of_operands},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"stride 2 doubles the size",
                               {f32({1, 1, 2}, {1, 2}), f32({1, 1, 2}, {1, 10}), f32({1}, {0.5f})},
                               {{"strides", Ints{2}}},
                               {f32({1, 1, 4}, {1.5f, 10.5f, 2.5f, 20.5f})}},
                              {"kernels overlap and padding cuts",
                               {f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({1, 1, 2, 2}, {1, 1, 1, 1})},
                               {{"pads", Ints{0, 0, 1, 1}}},
                               {f32({1, 1, 2, 2}, {1, 3, 4, 10})}},
                              {"an empty axis leaves a part of the kernel, which only the bias fills",
                               {f32({1, 1, 0}, {}), f32({1, 1, 3}, {1, 2, 3}), f32({1}, {0.5f})},
                               {{"strides", Ints{2}}, {"kernel_shape", Ints{3}}},
                               {f32({1, 1, 1}, {0.5f})}},
                              {"an output shape that is asked for",
                               {f32({1, 1, 2}, {1, 2}), f32({1, 1, 1}, {1})},
                               {{"strides", Ints{2}}, {"output_shape", Ints{4}}},
                               {f32({1, 1, 4}, {1, 0, 2, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "ConvTranspose", evaluate}};

}  // namespace

std::span<const OpDef> conv_transpose_ops() { return defs; }
std::span<const OpRun> conv_transpose_runs() { return runs; }

}  // namespace modelctl::ops
