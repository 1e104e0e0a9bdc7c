// Resize: a tensor scaled along some axes, by nearest, linear or cubic interpolation, one axis after another:
// interpolation in several axes is the product of those along each. Upsample, which the newest opset no longer has,
// becomes a Resize.
//
// Along an axis, output index i is a coordinate x of the input, by default (i + 0.5) / scale - 0.5, and its value is a
// weighted sum of the elements (taps) around x: 1 for nearest, 2 for linear, 4 for cubic, more with antialiasing, which
// widens the filter by 1 / scale (kernels/bind/interpolation.cpp). Taps beyond the edge read the edge, unless
// exclude_outside drops them. The axes one after another cost the sum of their taps for an element, and not the
// product.
#include "kernels/bind/interpolation.hpp"
#include "ops/family/fused_attributes.hpp"
#include "ops/reference/element.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

#include <numeric>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

using Axis = kernels::ResizedAxis;

// The attributes, in the form that the taps are computed from; shared with the kernel so that both use the same rules.
struct Settings : kernels::Interpolation {
  double extrapolation;
};

// Interpolates along one axis of a tensor of these dimensions, seen as [outer, in, inner]; `dims` becomes the result's.
// Taps are computed once for each output index and used for all rows and columns. Tap -1 is the extrapolation value.
std::vector<double> along(const Settings& settings, const std::vector<double>& in, Dims& dims, std::size_t index,
                          const Axis& axis) {
  std::int64_t outer = product(DimsView(dims).first(index)), inner = product(DimsView(dims).subspan(index + 1));
  dims[index] = axis.out;
  std::vector<double> out(static_cast<std::size_t>(outer * axis.out * inner));
  for (std::int64_t i = 0; i < axis.out; ++i) {
    auto taps = kernels::taps_of(settings, axis, i);
    for (std::int64_t row = 0; row < outer; ++row) {
      double* to = out.data() + (row * axis.out + i) * inner;
      for (const auto& tap : taps) {
        const double* from = in.data() + (row * axis.in + std::max(tap.index, std::int64_t{0})) * inner;
        for (std::int64_t column = 0; column < inner; ++column) {
          to[column] += tap.weight * (tap.index < 0 ? settings.extrapolation : from[column]);
        }
      }
    }
  }
  return out;
}

Settings settings_of(const Attributes& attributes) {
  return {{attributes.text("mode", "nearest"), attributes.text("nearest_mode", "round_prefer_floor"),
           attributes.text("coordinate_transformation_mode", "half_pixel"),
           static_cast<double>(attributes.number("cubic_coeff_a", -0.75f)), attributes.integer("exclude_outside") != 0,
           attributes.integer("antialias") != 0},
          static_cast<double>(attributes.number("extrapolation_value", 0))};
}

Result<std::vector<double>> floats_of(const TensorView& view) {
  std::vector<double> all;
  if (!view.present()) return all;
  TRY(for_type<Floats>(view.type, [&]<class T>() -> Result<void> {
    for (T x : view.as<T>()) all.push_back(static_cast<double>(static_cast<compute_t<T>>(x)));
    return {};
  }));
  return all;
}

// A size that was computed from scales, which may be anything, NaN included. Rounded down, as the specification says.
Result<std::int64_t> output_size(double size) {
  if (!(size >= 0 && size < 4e9)) return refuse("an output size is out of range");
  return static_cast<std::int64_t>(size);
}

// The geometry of each axis, from attributes and inputs:
//
//   scales given   out = floor(in * scale), of the cropped part with tf_crop_and_resize
//   sizes given    scale = out / in, which need not be what produced the size
//
// roi lists all starts, then all ends, relative to the axis. Opset 18 lets `axes` name the axes that the lists refer
// to.
Result<std::vector<Axis>> axes_of(const Attributes& attributes, DimsView dims, const TensorView& roi,
                                  const TensorView& scale_view, const TensorView& size_view) {
  Dims listed = attributes.integers("axes");
  if (listed.empty()) {
    for (std::size_t axis = 0; axis < dims.size(); ++axis) listed.push_back(static_cast<std::int64_t>(axis));
  }
  std::vector<std::size_t> named = TRY(axis_indices(listed, dims.size()));
  std::vector<double> scales = TRY(floats_of(scale_view)), window;
  bool crops = attributes.text("coordinate_transformation_mode") == "tf_crop_and_resize";
  if (crops) window = TRY(floats_of(roi));
  Dims sizes;
  if (size_view.present()) sizes = TRY(integers(size_view, "sizes"));
  // An absent list may also be an empty tensor, which older exporters write.
  if (scales.empty() == sizes.empty() && !named.empty()) return refuse("either scales or sizes must be given");
  if (!scales.empty() && scales.size() != named.size()) return refuse("there must be one scale for each axis");
  if (!sizes.empty() && sizes.size() != named.size()) return refuse("there must be one size for each axis");
  if (crops && window.size() != 2 * named.size()) return refuse("roi must have two numbers for each axis");
  std::vector<Axis> axes;
  for (std::int64_t dim : dims) axes.push_back({dim, dim});
  for (std::size_t i = 0; i < named.size(); ++i) {
    Axis& axis = axes[named[i]];
    if (crops) {
      axis.from = window[i];
      axis.to = window[i + named.size()];
    }
    if (!scales.empty()) {
      axis.scale = scales[i];
      if (!(axis.scale > 0)) return refuse("a scale is not positive");
      axis.out = TRY(output_size(crops ? static_cast<double>(axis.in) * (axis.to - axis.from) * axis.scale
                                       : kernels::scaled_size(axis.in, axis.scale)));
    } else {
      axis.out = TRY(output_size(static_cast<double>(sizes[i])));
      axis.scale = axis.in == 0 ? 1 : static_cast<double>(axis.out) / static_cast<double>(axis.in);
    }
  }
  std::string_view policy = attributes.text("keep_aspect_ratio_policy", "stretch");
  if (sizes.empty() || policy == "stretch" || named.empty()) return axes;
  // One scale for all axes, the least (not_larger) or the greatest (not_smaller), by which the sizes are computed
  // again, rounded to the nearest, halves up.
  double scale = axes[named[0]].scale;
  for (std::size_t axis : named) {
    scale = policy == "not_larger" ? std::min(scale, axes[axis].scale) : std::max(scale, axes[axis].scale);
  }
  for (std::size_t axis : named) {
    axes[axis].scale = scale;
    axes[axis].out = TRY(output_size(scale * static_cast<double>(axes[axis].in) + 0.5));
  }
  return axes;
}

// If all sizes are known the computation of the run is used, so the two cannot disagree. A symbolic axis keeps an
// expression if its size is given or its scale is an integer.
Result<void> infer(Inference& call) {
  const Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  Dims dims;
  for (const Expr& size : *x) dims.push_back(size.constant().value_or(-1));
  // -1 stands for a symbolic size, which cannot be mistaken for a real one.
  bool fixed = std::find(dims.begin(), dims.end(), -1) == dims.end();
  auto view = [&](std::size_t index) {
    const Tensor* tensor = call.constant(index);
    return tensor == nullptr ? TensorView{} : tensor->view();
  };
  const Tensor *scales = call.constant(2), *sizes = call.constant(3);
  bool known = (!call.present(2) || scales != nullptr) && (!call.present(3) || sizes != nullptr) &&
               (!call.present(1) || call.constant(1) != nullptr);
  std::string_view policy = call.attributes().text("keep_aspect_ratio_policy", "stretch");
  if (fixed && known) {
    auto axes = axes_of(call.attributes(), dims, view(1), view(2), view(3));
    if (!axes) return call.bad(axes.error().what);
    Shape shape;
    for (const Axis& axis : *axes) shape.push_back(Expr(axis.out));
    call.set_output(0, call.element(0), std::move(shape));
    return {};
  }
  // A symbolic axis keeps an expression if its size is given, or its scale is an integer.
  Dims listed = call.attributes().integers("axes");
  if (listed.empty()) {
    for (std::size_t axis = 0; axis < x->size(); ++axis) listed.push_back(static_cast<std::int64_t>(axis));
  }
  std::vector<std::size_t> named = TRY(normal_axes(call, listed, x->size()));
  auto target = call.contents(3);
  auto factors = scales != nullptr ? floats_of(scales->view()) : Result<std::vector<double>>(std::vector<double>());
  if (factors && !factors->empty() && factors->size() != named.size()) {
    return call.bad("there must be one scale for each axis");
  }
  if (target && !target->empty() && target->size() != named.size())
    return call.bad("there must be one size for each axis");
  Shape shape = *x;
  for (std::size_t i = 0; i < named.size(); ++i) {
    Expr& size = shape[named[i]];
    if (target && target->size() == named.size() && policy == "stretch") {
      size = (*target)[i];
    } else if (factors && factors->size() == named.size() && (*factors)[i] == std::floor((*factors)[i]) &&
               (*factors)[i] >= 1 && (*factors)[i] < 1e6) {
      size = size * Expr(static_cast<std::int64_t>((*factors)[i]));
    } else if (factors && factors->size() == named.size() && size.constant() && (*factors)[i] > 0 &&
               kernels::scaled_size(*size.constant(), (*factors)[i]) < 4e9) {
      size = static_cast<std::int64_t>(kernels::scaled_size(*size.constant(), (*factors)[i]));
    } else {
      size = call.fresh_symbol();
    }
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// Nearest copies elements without arithmetic, so it works for every type and keeps large integers exact. The axes are
// independent, so that a table of offsets for each axis replaces a computation for each element.
Result<void> copy_nearest(const Settings& settings, const std::vector<Axis>& axes, const TensorView& x,
                          const MutableTensorView& y) {
  Dims strides = strides_of(x.dims);
  std::vector<Dims> offsets(axes.size());  // of each output index, along each axis
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    bool same = axes[axis].in == axes[axis].out && axes[axis].scale == 1;
    for (std::int64_t i = 0; i < axes[axis].out; ++i) {
      offsets[axis].push_back((same ? i : kernels::taps_of(settings, axes[axis], i)[0].index) * strides[axis]);
    }
  }
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    Dims index(axes.size(), 0);
    for (T& out : y.as<T>()) {
      std::int64_t at = 0;
      for (std::size_t axis = 0; axis < index.size(); ++axis)
        at += offsets[axis][static_cast<std::size_t>(index[axis])];
      out = in[at];
      for (std::size_t axis = index.size(); axis-- > 0 && ++index[axis] == axes[axis].out;) index[axis] = 0;
    }
    return {};
  });
}

// Interpolates in f64 along one axis at a time; axes that do not change are skipped, as nearest would copy them. Crops
// are never skipped or copied: even with equal sizes they may select a part, or extrapolate.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!x.present()) return refuse("the input is absent");
  Settings settings = settings_of(call.attributes);
  std::vector<Axis> axes = TRY(axes_of(call.attributes, x.dims, call.input(1), call.input(2), call.input(3)));
  Dims dims;
  for (const Axis& axis : axes) dims.push_back(axis.out);
  bool copies = settings.mode == "nearest" && settings.coordinates != "tf_crop_and_resize";
  // Coordinates of linear and cubic are computed in the elements' precision; those of nearest always in f32, as scales
  // are.
  settings.wide = x.type == DType::f64 && settings.mode != "nearest";
  if (!copies && !holds<Numbers>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};
  if (x.elements() == 0) return refuse("there is nothing to interpolate");
  if (copies) return copy_nearest(settings, axes, x, y);
  std::vector<double> values;
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    std::int64_t count = x.elements();
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<double>(load(x.data, i)));
  });
  Dims now(x.dims.begin(), x.dims.end());
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    bool same =
        axes[axis].in == axes[axis].out && axes[axis].scale == 1 && settings.coordinates != "tf_crop_and_resize";
    if (!same) values = along(settings, values, now, axis, axes[axis]);
  }
  (void)with_type<Numbers>(y.type, [&]<class T>() {
    auto value = values.begin();
    for (T& out : y.as<T>()) {
      if constexpr (std::is_integral_v<T>) out = saturated<T>(*value++);  // as Cast: toward zero
      else out = static_cast<T>(static_cast<compute_t<T>>(*value++));
    }
  });
  return {};
}

// The kernel resizes one or two axes of f32, in any place: images with channels first or last. Its geometry must be
// known when shapes are bound: constant scales, or sizes that the shape program computes.
Result<bool> lower(Lowering& call) {
  const Attributes& attributes = call.attributes();
  const graph::Node& node = call.node();
  const graph::Value* y = node.output(0);
  if (!call.plain_f32(0) || y == nullptr || !y->type.shape || attributes.has("axes")) return false;
  if (attributes.integer("antialias") != 0) return false;  // the number of taps is unbounded
  if (attributes.text("coordinate_transformation_mode") == "tf_crop_and_resize") return false;
  if (attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch") return false;
  const Tensor *scales = call.constant(2), *sizes = call.constant(3);
  bool by_scales = scales != nullptr && scales->elements() > 0;
  if (by_scales && scales->elements() != static_cast<std::int64_t>(call.shape(0)->size())) return false;
  // Computed sizes must be part of the shape program: contents that inference followed.
  if (!by_scales && sizes == nullptr && (node.input(3) == nullptr || !node.input(3)->contents)) return false;
  if (!by_scales && node.input(2) != nullptr && scales == nullptr) return false;
  const Shape& x = *call.shape(0);
  std::vector<float> factors;
  for (std::size_t axis = 0; by_scales && axis < x.size(); ++axis) factors.push_back(scales->as<float>()[axis]);
  std::size_t moved = 0;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    moved += by_scales ? factors[axis] != 1 : !(x[axis] == (*y->type.shape)[axis]);
  }
  // An axis whose sizes are not provably equal counts as resized.
  if (moved > 2) return false;
  Attributes rules =
      only(attributes, {"coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "mode", "nearest_mode"});
  if (by_scales) rules.set("scales", std::move(factors));
  call.emit("resize_f32", {node.input(0)}, std::move(rules));
  return true;
}

// Opset 10 had (X, scales) and one rule: x / scale, rounded down if an axis grows and up if it shrinks. nearest_mode is
// an attribute of the whole node, so that a node that does both becomes two. Upsample only grows. Its scales were an
// attribute until opset 8.
Result<void> upgrade(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (upgrade.opset >= 11) return {};
  if (upgrade.opset < 10 && node.op == "Upsample" && node.attributes.has("scales")) {
    const auto& scales = node.attributes.numbers("scales");
    Tensor tensor(DType::f32, {static_cast<std::int64_t>(scales.size())});
    std::copy(scales.begin(), scales.end(), tensor.mutable_view().as<float>().begin());
    node.set_input(1, upgrade.constant(std::move(tensor)));
    node.attributes.erase("scales");
  }
  graph::Value* scales = node.input(1);
  bool nearest = node.attributes.text("mode", "nearest") == "nearest";
  bool shrinks = false, grows = false;
  if (node.op == "Resize" && nearest) {
    if (scales == nullptr || !scales->is_constant()) return upgrade.bad("its scales are not constants");
    std::vector<double> all = TRY(floats_of(scales->constant.view()));
    Tensor larger(DType::f32, scales->constant.dims()), smaller(DType::f32, scales->constant.dims());
    for (std::size_t axis = 0; axis < all.size(); ++axis) {
      shrinks = shrinks || all[axis] < 1;
      grows = grows || all[axis] > 1;
      larger.mutable_view().as<float>()[axis] = static_cast<float>(std::max(all[axis], 1.0));
      smaller.mutable_view().as<float>()[axis] = static_cast<float>(std::min(all[axis], 1.0));
    }
    if (shrinks && grows) {
      graph::Value* grown = upgrade.insert("Resize", {node.input(0), nullptr, upgrade.constant(std::move(larger))},
                                           {{"mode", std::string("nearest")},
                                            {"nearest_mode", std::string("floor")},
                                            {"coordinate_transformation_mode", std::string("asymmetric")}});
      node.set_input(0, grown);
      scales = upgrade.constant(std::move(smaller));
    }
  }
  node.set_input(2, scales);
  node.set_input(1, nullptr);
  if (nearest) node.attributes.set("nearest_mode", std::string(shrinks ? "ceil" : "floor"));
  node.attributes.set("mode", std::string(nearest ? "nearest" : "linear"));
  node.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
  node.op = "Resize";
  return {};
}

constexpr AttributeDef attributes[] = {
    {"antialias", AttributeType::integer, "0 if absent; 1: shrinking averages"},
    {"axes", AttributeType::integers, "the axes that scales and sizes refer to; all if absent"},
    text_choice("coordinate_transformation_mode",
                "half_pixel half_pixel_symmetric pytorch_half_pixel align_corners asymmetric tf_half_pixel_for_nn "
                "tf_crop_and_resize",
                "where in the input an element of the output lies"),
    {"cubic_coeff_a", AttributeType::number, "-0.75 if absent"},
    {"exclude_outside", AttributeType::integer, "0 if absent; 1: taps outside of the input have no weight"},
    {"extrapolation_value", AttributeType::number, "of tf_crop_and_resize; 0 if absent"},
    text_choice("keep_aspect_ratio_policy", "stretch not_larger not_smaller",
                "how sizes are taken: as they are, or as bounds"),
    text_choice("mode", "nearest linear cubic", "how values between elements are interpolated"),
    text_choice("nearest_mode", "round_prefer_floor round_prefer_ceil floor ceil", "how nearest rounds a position")};

constexpr OpDef defs[] = {
    {
        .name = "Resize",
        .since = 19,
        .summary = "Scales a tensor along its axes by interpolation.",
        .inputs = "X roi?:f32,f64,f16 scales?:f32 sizes?:i64",
        .outputs = "Y",
        .types = any_type,
        .attributes = attributes,
        .traits = {.per_axis_inputs = {1, 4}},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade,
        .lower = lower,
        .examples =
            [] {
              return Examples{
                  {"nearest, twice as wide",
                   {f32({1, 2}, {1, 2}), Tensor(), f32({2}, {1, 2})},
                   {},
                   {f32({1, 4}, {1, 1, 2, 2})},
                   0},
                  {"nearest, of texts",
                   {strings({2}, {"a", "b"}), Tensor(), f32({1}, {2})},
                   {},
                   {strings({4}, {"a", "a", "b", "b"})},
                   0},
                  {"nearest, of integers beyond what a float holds",
                   {i64({2}, {9007199254740993, 1}), Tensor(), f32({1}, {1.5f})},
                   {},
                   {i64({3}, {9007199254740993, 9007199254740993, 1})},
                   0},
                  {"nearest, to the size that a rounded scale was computed from",
                   {f32({12}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), Tensor(), f32({1}, {0.5833333f})},
                   {{"coordinate_transformation_mode", std::string("asymmetric")},
                    {"nearest_mode", std::string("floor")}},
                   {f32({7}, {0, 1, 3, 5, 6, 8, 10})},
                   0},
                  {"linear, to a size",
                   {f32({2}, {1, 2}), Tensor(), Tensor(), i64({1}, {4})},
                   {{"mode", std::string("linear")}},
                   {f32({4}, {1, 1.25f, 1.75f, 2})}},
                  {"linear of f64, with coordinates as exact",
                   {Tensor::of<double>(DType::f64, {3}, {1, 2, 4}), Tensor(), Tensor(), i64({1}, {7})},
                   {{"mode", std::string("linear")}},
                   {Tensor::of<double>(
                       DType::f64, {7},
                       {1, 1.142857142857143, 1.571428571428571, 2, 2.857142857142857, 3.714285714285714, 4})},
                   1e-14},
                  {"linear with aligned corners",
                   {f32({2}, {1, 2}), Tensor(), f32({1}, {1.5f})},
                   {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("align_corners")}},
                   {f32({3}, {1, 1.5f, 2})}},
                  {"linear along two axes",
                   {f32({1, 1, 2, 2}, {1, 2, 3, 4}), Tensor(), f32({4}, {1, 1, 2, 2})},
                   {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("asymmetric")}},
                   {f32({1, 1, 4, 4}, {1, 1.5f, 2, 2, 2, 2.5f, 3, 3, 3, 3.5f, 4, 4, 3, 3.5f, 4, 4})}},
                  {"linear along two axes, channels last",
                   {f32({1, 1, 2, 2}, {1, 2, 3, 4}), Tensor(), f32({4}, {1, 2, 2, 1})},
                   {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("asymmetric")}},
                   {f32({1, 2, 4, 2}, {1, 2, 2, 3, 3, 4, 3, 4, 1, 2, 2, 3, 3, 4, 3, 4})}},
                  {"nearest along two axes, channels last",
                   {f32({1, 2, 1, 2}, {1, 2, 3, 4}), Tensor(), f32({4}, {1, 2, 2, 1})},
                   {{"nearest_mode", std::string("floor")},
                    {"coordinate_transformation_mode", std::string("asymmetric")}},
                   {f32({1, 4, 2, 2}, {1, 2, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 3, 4})},
                   0}};
            },
    },
    {
        .domain = "",
        .name = "Upsample",
        .since = 10,
        .summary = "Renamed to Resize in opset 10.",
        .inputs = "X scales?",
        .outputs = "Y",
        .types = number_types,
        .attributes = {},
        .infer = nullptr,
        .upgrade = upgrade,
        .examples = nullptr,
    },
};
constexpr OpRun runs[] = {{"", "Resize", evaluate}};

}  // namespace

std::span<const OpDef> resize_ops() { return defs; }
std::span<const OpRun> resize_runs() { return runs; }

}  // namespace modelctl::ops
