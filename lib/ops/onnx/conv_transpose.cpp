// ConvTranspose: the gradient of Conv with respect to its input. Each input element adds the kernel, scaled by it, to
// the output. X is [N, C, spatial...], W is [C, M / group, kernel...].
#include "ops/family/window.hpp"
#include "ops/schema/example.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The attributes beyond those of Conv, checked.
struct Extra {
  Dims output_padding, output_shape;
};
Result<Extra> read_extra(const Attributes& attributes, std::size_t axes) {
  Extra extra{attributes.integers("output_padding"), attributes.integers("output_shape")};
  if (extra.output_padding.empty()) extra.output_padding.assign(axes, 0);
  if (extra.output_padding.size() != axes) return refuse("output_padding must have one number for each axis");
  // Exporters also write all dimensions, batch and channels included.
  if (extra.output_shape.size() == axes + 2) {
    extra.output_shape.erase(extra.output_shape.begin(), extra.output_shape.begin() + 2);
  }
  if (!extra.output_shape.empty() && extra.output_shape.size() != axes) {
    return refuse("output_shape must have one number for each axis");
  }
  for (const Dims* list : {&extra.output_padding, &extra.output_shape}) {
    for (std::int64_t number : *list) {
      if (number < 0 || number >= std::int64_t{1} << 31)
        return refuse("output_padding and output_shape are out of range");
    }
  }
  return extra;
}

// Along one axis: the output's size, and how far before it the first tap lies.
struct Spread {
  std::int64_t size, begin;
};
Result<Spread> spread(const Windows& windows, const Extra& extra, std::size_t axis, std::int64_t in) {
  const Window& window = windows.axes[axis];
  std::int64_t full = TRY(checked_add(TRY(checked_multiply(std::max(in - 1, std::int64_t{0}), window.stride)),
                                      window.reach() + extra.output_padding[axis]));
  bool same = windows.auto_pad == AutoPad::same_upper || windows.auto_pad == AutoPad::same_lower;
  if (extra.output_shape.empty() && !same) {
    if (full < window.begin + window.end) return refuse("the padding leaves nothing of the output");
    return Spread{full - window.begin - window.end, window.begin};
  }
  std::int64_t size =
      same && extra.output_shape.empty() ? TRY(checked_multiply(in, window.stride)) : extra.output_shape[axis];
  std::int64_t total = std::max(full - size, std::int64_t{0});
  return Spread{size, windows.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2};
}

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
  Shape shape{(*x)[0], (*w)[1] * Expr(group)};
  Dims kernel;
  for (std::size_t axis = 2; axis < w->size(); ++axis) kernel.push_back((*w)[axis].constant().value_or(-1));
  bool known = std::find(kernel.begin(), kernel.end(), -1) == kernel.end();
  if (!known && !call.attributes().has("kernel_shape")) {
    for (std::size_t axis = 2; axis < x->size(); ++axis) shape.push_back(call.fresh_symbol());
    call.set_output(0, element, std::move(shape));
    return {};
  }
  auto windows = read_windows(call.attributes(), kernel, x->size() - 2);
  if (!windows) return call.bad(windows.error().what);
  auto extra = read_extra(call.attributes(), x->size() - 2);
  if (!extra) return call.bad(extra.error().what);
  for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
    const Window& window = windows->axes[axis];
    const Expr& in = (*x)[axis + 2];
    if (auto size = in.constant()) {
      auto out = spread(*windows, *extra, axis, *size);
      if (!out) return call.bad(out.error().what);
      shape.push_back(Expr(out->size));
    } else if (!extra->output_shape.empty()) {
      shape.push_back(Expr(extra->output_shape[axis]));
    } else if (windows->auto_pad == AutoPad::same_upper || windows->auto_pad == AutoPad::same_lower) {
      shape.push_back(in * Expr(window.stride));
    } else {
      std::int64_t fixed = window.reach() + extra->output_padding[axis] - window.begin - window.end - window.stride;
      shape.push_back(in * Expr(window.stride) + Expr(fixed));
    }
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2);
  TRY(need_rank(x, 3, "X"));
  TRY(same_type(x, w));
  if (w.rank() != x.rank() || x.rank() > 5) return refuse("X and W must have the same rank, 3 to 5");
  std::size_t axes = x.rank() - 2;
  Windows windows = TRY(read_windows(call.attributes, w.dims.subspan(2), axes));
  Extra extra = TRY(read_extra(call.attributes, axes));
  std::int64_t group = call.attributes.integer("group", 1);
  std::int64_t channels = x.dim(1), maps = w.dim(1);  // maps: of one group
  if (group < 1 || w.dim(0) != channels || channels % group != 0) {
    return refuse("X has " + std::to_string(channels) + " channels, W takes " + std::to_string(w.dim(0)) + " in " +
                  std::to_string(group) + " groups");
  }
  Dims dims{x.dim(0), TRY(checked_multiply(maps, group))};
  // As Windows3: exactly three axes; leading axes that are missing have size 1.
  std::array<std::int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1},
      begin{0, 0, 0};
  for (std::size_t axis = 0; axis < axes; ++axis) {
    std::size_t at = 3 - axes + axis;
    const Window& window = windows.axes[axis];
    if (window.kernel != w.dim(axis + 2)) return refuse("kernel_shape is not W's");
    Spread along = TRY(spread(windows, extra, axis, x.dim(axis + 2)));
    in[at] = x.dim(axis + 2);
    out[at] = along.size;
    begin[at] = along.begin;
    kernel[at] = window.kernel;
    stride[at] = window.stride;
    dilation[at] = window.dilation;
    dims.push_back(along.size);
  }
  if (b.present()) {
    TRY(same_type(x, b));
    if (b.rank() != 1 || b.dim(0) != dims[1]) return refuse("B must have one element for each output channel");
  }
  return for_type<Floats>(x.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
    if (y.elements() == 0) return {};
    auto number = [](T value) { return static_cast<double>(static_cast<compute_t<T>>(value)); };
    std::int64_t in_plane = in[0] * in[1] * in[2], out_plane = out[0] * out[1] * out[2];
    std::int64_t taps = kernel[0] * kernel[1] * kernel[2];
    std::vector<double> sums(static_cast<std::size_t>(out_plane));
    for (std::int64_t image = 0; image < dims[0] * dims[1]; ++image) {
      std::int64_t n = image / dims[1], m = image % dims[1], g = m / maps;
      std::fill(sums.begin(), sums.end(), b.present() ? number(b.as<T>()[static_cast<std::size_t>(m)]) : 0.0);
      for (std::int64_t c = g * (channels / group); c < (g + 1) * (channels / group); ++c) {
        const T* from = x.as<T>().data() + (n * channels + c) * in_plane;
        const T* weights = w.as<T>().data() + (c * maps + m % maps) * taps;
        for (std::int64_t i = 0; i < in_plane; ++i) {
          std::array<std::int64_t, 3> at{i / (in[1] * in[2]), i / in[2] % in[1], i % in[2]};
          for (std::int64_t k = 0; k < taps; ++k) {
            std::array<std::int64_t, 3> tap{k / (kernel[1] * kernel[2]), k / kernel[2] % kernel[1], k % kernel[2]};
            std::int64_t place = 0;
            bool inside = true;
            for (std::size_t axis = 0; axis < 3; ++axis) {
              std::int64_t o = at[axis] * stride[axis] + tap[axis] * dilation[axis] - begin[axis];
              inside = inside && o >= 0 && o < out[axis];
              place = place * out[axis] + o;
            }
            if (inside) sums[static_cast<std::size_t>(place)] += number(from[i]) * number(weights[k]);
          }
        }
      }
      T* to = y.as<T>().data() + image * out_plane;
      for (std::size_t i = 0; i < sums.size(); ++i) to[i] = static_cast<T>(static_cast<compute_t<T>>(sums[i]));
    }
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
        .infer = infer,
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
