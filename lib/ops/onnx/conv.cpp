// Conv: a sliding dot product over one to three spatial axes, in groups of channels.
#include "ops/example.hpp"
#include "ops/window_infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

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
  std::int64_t group = call.attributes().integer("group", 1);
  if (group < 1 || group >= std::int64_t{1} << 31) return call.bad("group cannot be " + std::to_string(group));
  TRY(same_size(call, (*x)[1], (*w)[1] * Expr(group)));
  if (auto m = (*w)[0].constant(); m && *m % group != 0) return call.bad("group does not divide W's first size");
  if (const Shape* b = call.shape(2)) {
    TRY(need_rank(call, 2, 1, 1));
    TRY(same_size(call, (*b)[0], (*w)[0]));
  }
  Shape shape{(*x)[0], (*w)[0]};
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
  for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
    TRY(same_size(call, (*w)[axis + 2], Expr(windows->axes[axis].kernel)));
    shape.push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 2])));
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2);
  TRY(need_rank(x, 3, "X"));
  TRY(same_type(x, w));
  if (w.rank() != x.rank()) return refuse("X and W must have the same rank");
  Windows windows = TRY(read_windows(call.attributes, w.dims.subspan(2), x.rank() - 2));
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    if (windows.axes[axis].kernel != w.dim(axis + 2)) return refuse("kernel_shape is not W's");
  }
  Windows3 at = TRY(windows3(windows, x.dims.subspan(2)));
  std::int64_t group = call.attributes.integer("group", 1);
  std::int64_t maps = w.dim(0), channels = w.dim(1);
  if (group < 1 || maps % group != 0 || x.dim(1) % group != 0 || x.dim(1) / group != channels) {
    return refuse("X has " + std::to_string(x.dim(1)) + " channels, W takes " + std::to_string(channels) + " in " +
                  std::to_string(group) + " groups");
  }
  if (b.present()) {
    TRY(same_type(x, b));
    if (b.rank() != 1 || b.dim(0) != maps) return refuse("B must have one element for each of W's outputs");
  }
  Dims dims{x.dim(0), maps};
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) dims.push_back(at.out[3 - windows.axes.size() + axis]);
  return for_type<Floats>(x.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
    if (y.elements() == 0) return {};
    T* out = y.as<T>().data();
    const auto& [depth, height, width] = at.axes;
    std::int64_t plane = at.in[0] * at.in[1] * at.in[2], taps_all = depth.kernel * height.kernel * width.kernel;
    auto number = [](T value) { return static_cast<double>(static_cast<compute_t<T>>(value)); };
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
      for (std::int64_t m = 0; m < maps; ++m) {
        const T* image = x.as<T>().data() + (n * x.dim(1) + m / (maps / group) * channels) * plane;
        const T* kernel = w.as<T>().data() + m * channels * taps_all;
        double bias = b.present() ? number(b.as<T>()[static_cast<std::size_t>(m)]) : 0;
        for (std::int64_t od = 0; od < at.out[0]; ++od) {
          Taps d = taps(depth, od, at.in[0]);
          for (std::int64_t oh = 0; oh < at.out[1]; ++oh) {
            Taps h = taps(height, oh, at.in[1]);
            for (std::int64_t ow = 0; ow < at.out[2]; ++ow) {
              Taps v = taps(width, ow, at.in[2]);
              double sum = bias;
              for (std::int64_t c = 0; c < channels; ++c) {
                for (std::int64_t kd = d.first; kd < d.last; ++kd) {
                  for (std::int64_t kh = h.first; kh < h.last; ++kh) {
                    const T* row =
                        image + c * plane +
                        ((d.origin + kd * depth.dilation) * at.in[1] + h.origin + kh * height.dilation) * at.in[2];
                    const T* weights = kernel + c * taps_all + (kd * height.kernel + kh) * width.kernel;
                    for (std::int64_t kw = v.first; kw < v.last; ++kw) {
                      sum += number(row[v.origin + kw * width.dilation]) * number(weights[kw]);
                    }
                  }
                }
              }
              *out++ = static_cast<T>(static_cast<compute_t<T>>(sum));
            }
          }
        }
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    auto_pad_attribute, dilations_attribute,
    group_attribute,    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's where absent"},
    pads_attribute,     strides_attribute};

constexpr OpDef defs[] = {
    {"", "Conv", 22, "A sliding dot product over the spatial axes, in groups of channels.", "X W B?", "Y", float_types,
     attributes, infer,
     [] {
       return Examples{{"a 1x1 kernel keeps the image's size",
                        {f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({1, 1, 1, 1}, {2}), f32({1}, {1})},
                        {},
                        {f32({1, 1, 2, 2}, {3, 5, 7, 9})}},
                       {"padding, strides and dilation",
                        {f32({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), f32({1, 1, 2, 2}, {1, 1, 1, 1})},
                        {{"pads", Ints{1, 1, 0, 0}}, {"strides", Ints{1, 2}}, {"dilations", Ints{1, 2}}},
                        {f32({1, 1, 3, 1}, {2, 7, 13})}},
                       {"one group for each channel",
                        {f32({1, 2, 2}, {1, 2, 3, 4}), f32({2, 1, 2}, {1, 1, 1, -1})},
                        {{"group", std::int64_t{2}}},
                        {f32({1, 2, 1}, {3, -1})}},
                       {"as large as the input",
                        {f32({1, 1, 3}, {1, 2, 3}), f32({1, 1, 2}, {1, 1})},
                        {{"auto_pad", std::string("SAME_UPPER")}},
                        {f32({1, 1, 3}, {3, 5, 3})}}};
     }},
};
constexpr OpRun runs[] = {{"", "Conv", evaluate}};

}  // namespace

std::span<const OpDef> conv_ops() { return defs; }
std::span<const OpRun> conv_runs() { return runs; }

}  // namespace modelctl::ops
