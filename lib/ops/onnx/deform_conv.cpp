// DeformConv (Dai et al., 2017; modulated, Zhu et al., 2019): a convolution whose taps are moved by an input, so that
// they fall between the elements and are read by bilinear interpolation. What the taps read is gathered as columns,
// some places at a time, and multiplied with the kernel: the column buffer stays in the cache.
//
//    y(p) = sum over taps k of w_k m_k(p) x(stride p - begin + dilation k + d_k(p))
//
// The offsets d and the mask m are inputs, read at the output place p, one of each tap in each offset group. d is real,
// so x is interpolated linearly along each axis, with zeros around the image. All channels of an offset group read the
// same points, which are found once for them.
//
// Smallest runner: regular, since only a few detectors have it.
#include "ops/family/cost.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/sampling.hpp"
#include "ops/reference/widening.hpp"
#include "ops/schema/example.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 5));
  TRY(need_rank(call, 1, 3, 5));
  DType element = TRY(common_element(call));
  const Shape *x = call.shape(0), *w = call.shape(1), *offset = call.shape(2);
  if (x == nullptr || w == nullptr) {
    call.set_output(0, element, std::nullopt);
    return {};
  }
  if (x->size() != w->size()) return call.bad("X and W must have the same rank");
  Shape shape{(*x)[0], (*w)[0]};
  // 0: a size that only the run knows. read_windows refuses it, which is a fault only if no size is missing.
  Dims kernel;
  for (std::size_t axis = 2; axis < w->size(); ++axis) kernel.push_back((*w)[axis].constant().value_or(0));
  bool known = std::find(kernel.begin(), kernel.end(), 0) == kernel.end();
  auto windows = read_windows(call.attributes(), kernel, kernel.size());
  if (!windows && (known || call.attributes().has("kernel_shape"))) return call.bad(windows.error().what);
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) {
    // The offsets have the spatial sizes of the output, and tell them if the kernel does not.
    bool given = offset != nullptr && offset->size() == x->size();
    if (windows) shape.push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 2])));
    else shape.push_back(given ? (*offset)[axis + 2] : call.fresh_symbol());
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

// The sizes of one call, checked against each other before any loop trusts them.
struct Sizes {
  Windows3 at;
  std::int64_t axes, groups, offset_groups, channels, maps, taps, places, plane;
  Dims dims;  // of the output
};

Result<Sizes> sizes_of(const Call& call) {
  const TensorView &x = call.input(0), &w = call.input(1), &offset = call.input(2), &mask = call.input(4);
  TRY(need_rank(x, 3, "X"));
  for (std::size_t index = 1; index < 5; ++index) {
    if (index < 3 || call.input(index).present()) TRY(same_type(x, call.input(index)));
  }
  if (w.rank() != x.rank() || offset.rank() != x.rank() || (mask.present() && mask.rank() != x.rank())) {
    return refuse("X, W, offset and mask must have the same rank");
  }
  Sizes sizes{};
  sizes.axes = static_cast<std::int64_t>(x.rank()) - 2;
  Windows windows = TRY(read_windows(call.attributes, w.dims.subspan(2), x.rank() - 2));
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    if (windows.axes[axis].kernel != w.dim(axis + 2)) return refuse("kernel_shape must be that of W");
  }
  sizes.at = TRY(windows3(windows, x.dims.subspan(2)));
  sizes.groups = call.attributes.integer("group", 1);
  sizes.offset_groups = call.attributes.integer("offset_group", 1);
  sizes.channels = x.dim(1);
  sizes.maps = w.dim(0);
  if (sizes.groups < 1 || sizes.offset_groups < 1 || sizes.channels % sizes.groups != 0 ||
      sizes.maps % sizes.groups != 0 || sizes.channels % sizes.offset_groups != 0 ||
      sizes.channels / sizes.groups != w.dim(1)) {
    return refuse("group and offset_group must divide the channels, and W must take the channels of a group");
  }
  const auto& [in, out] = std::tie(sizes.at.in, sizes.at.out);
  sizes.plane = in[0] * in[1] * in[2];
  // The input's plane is in memory, so its product fits; the output's sizes follow from attributes, and may not.
  sizes.places = TRY(checked_multiply(TRY(checked_multiply(out[0], out[1])), out[2]));
  sizes.taps = product(w.dims.subspan(2));
  sizes.dims = {x.dim(0), sizes.maps};
  for (std::size_t axis = 5 - x.rank(); axis < 3; ++axis) sizes.dims.push_back(out[axis]);
  // Divides instead of multiplying sizes that the model chose; `columns` is not 0, as is checked before the calls.
  auto fits = [&](const TensorView& view, std::int64_t columns) {
    bool same = view.dim(0) == x.dim(0) && view.dim(1) % columns == 0 && view.dim(1) / columns == sizes.offset_groups;
    for (std::size_t axis = 2; axis < x.rank(); ++axis) same = same && view.dim(axis) == sizes.dims[axis];
    return same;
  };
  if (sizes.taps == 0) return refuse("W has no taps");
  if (!fits(offset, sizes.taps * sizes.axes)) return refuse("offset has not the sizes that follow from X and W");
  if (mask.present() && !fits(mask, sizes.taps)) return refuse("mask has not the sizes that follow from X and W");
  const TensorView& bias = call.input(3);
  if (bias.present() && (bias.rank() != 1 || bias.dim(0) != sizes.maps)) {
    return refuse("B must have one element for each of W's outputs");
  }
  return sizes;
}

constexpr std::int64_t chunk = 128;  // places whose columns are made at a time

// The elements around the point that tap `tap` of offset group `row / taps` reads for output place `place` of image
// `n`.
//
// `row` counts taps through all offset groups. Its offset along axis a, counted from the outermost (y before x), is
// channel row * axes + a of `offset`. The loop always has three axes: those in front that the image lacks have size 1,
// a window of 1, and no offset.
template <class R>
void find_taps(const Sizes& s, const R* offset, std::int64_t n, std::int64_t row, std::int64_t place,
               std::vector<Tap>& taps) {
  const std::int64_t tap = row % s.taps, height = s.at.axes[1].kernel, width = s.at.axes[2].kernel;
  const std::array<std::int64_t, 3> of_tap{tap / width / height, tap / width % height, tap % width};
  const std::array<std::int64_t, 3> of_place{place / s.at.out[2] / s.at.out[1], place / s.at.out[2] % s.at.out[1],
                                             place % s.at.out[2]};
  std::array<AxisTaps, 3> around;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Window& window = s.at.axes[axis];
    auto at = static_cast<double>(of_place[axis] * window.stride - window.begin + of_tap[axis] * window.dilation);
    std::int64_t own = static_cast<std::int64_t>(axis) - (3 - s.axes);  // axes in front are not in `offset`
    if (own >= 0) {
      std::int64_t moved = (n * s.offset_groups * s.taps + row) * s.axes + own;
      at += static_cast<double>(offset[moved * s.places + place]);
    }
    around[axis] = linear_taps(at, s.at.in[axis]);
  }
  const Dims strides{s.at.in[1] * s.at.in[2], s.at.in[2], 1};
  taps.clear();
  append_taps(taps, around, strides);
}

// What each tap of each channel reads for the places from `start` on: row c * taps + tap has `chunk` elements.
//
// This is im2col for a chunk of places: the columns of a whole image would take as many times the memory of the image
// as there are taps. The mask applies to what a tap read, after interpolation.
template <class R>
void fill_columns(const Sizes& s, const R* data, const R* offset, const R* mask, std::int64_t n, std::int64_t start,
                  std::int64_t length, std::vector<R>& columns) {
  std::vector<Tap> taps;
  for (std::int64_t row = 0; row < s.offset_groups * s.taps; ++row) {
    const std::int64_t group = row / s.taps, tap = row % s.taps, in_group = s.channels / s.offset_groups;
    for (std::int64_t i = 0; i < length; ++i) {
      find_taps(s, offset, n, row, start + i, taps);
      double weight = 1;
      if (mask != nullptr) {
        weight = static_cast<double>(mask[(n * s.offset_groups * s.taps + row) * s.places + start + i]);
      }
      for (std::int64_t c = group * in_group; c < (group + 1) * in_group; ++c) {
        const R* plane = data + (n * s.channels + c) * s.plane;
        double sum = 0;
        for (const Tap& each : taps) sum += each.weight * static_cast<double>(plane[each.offset]);
        columns[static_cast<std::size_t>((c * s.taps + tap) * chunk + i)] = static_cast<R>(sum * weight);
      }
    }
  }
}

// A tap outside of the image reads zero. The offsets are [N, groups * taps * axes, out...], y before x; the mask scales
// what a tap read.
//
// For each image that takes offset_group * taps * places searches for neighbors, and maps * channels / group * taps *
// places multiplications. The latter usually dominate, and run over whole rows of columns.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  Sizes s = TRY(sizes_of(call));
  MutableTensorView y = TRY(outputs.allocate(0, x.type, s.dims));
  if (y.elements() == 0) return {};
  std::array<TensorView, 5> inputs{x, call.input(1), call.input(2), call.input(3), call.input(4)};
  with_widened<5>(inputs, y, [&](const auto& in, auto* out) {
    using R = std::remove_reference_t<decltype(*out)>;
    const auto& [data, kernel, offset, bias, mask] = in;
    std::int64_t rows = s.channels * s.taps, per_group = rows / s.groups, maps = s.maps / s.groups;
    std::vector<R> columns(static_cast<std::size_t>(rows * chunk));
    for (std::int64_t n = 0; n < s.dims[0]; ++n) {
      for (std::int64_t start = 0; start < s.places; start += chunk) {
        std::int64_t length = std::min(chunk, s.places - start);
        fill_columns(s, data, offset, mask, n, start, length, columns);
        for (std::int64_t m = 0; m < s.maps; ++m) {
          if (call.interrupted()) return;
          // All of the chunk is summed, also if the last one is shorter: the fixed length lets the compiler vectorize
          // the loop. What an earlier chunk left in the columns is summed too, and not stored.
          std::array<double, chunk> sums;
          sums.fill(bias == nullptr ? 0 : static_cast<double>(bias[m]));
          const R* of_map = kernel + m * per_group;
          // Rows are ordered by channel, so those of a group are adjacent.
          const R* column = columns.data() + m / maps * per_group * chunk;
          for (std::int64_t k = 0; k < per_group; ++k, column += chunk) {
            auto weight = static_cast<double>(of_map[k]);
            for (std::size_t i = 0; i < chunk; ++i) sums[i] += weight * static_cast<double>(column[i]);
          }
          R* to = out + (n * s.maps + m) * s.places + start;
          for (std::int64_t i = 0; i < length; ++i) to[i] = static_cast<R>(sums[static_cast<std::size_t>(i)]);
        }
      }
    }
  });
  return {};
}

constexpr AttributeDef attributes[] = {
    dilations_attribute,
    group_attribute,
    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    {"offset_group", AttributeType::integer, "groups of channels that share offsets; 1 if absent"},
    pads_attribute,
    strides_attribute};

constexpr OpDef defs[] = {
    {
        .name = "DeformConv",
        .since = 22,
        .summary = "A convolution with taps that inputs move and weight.",
        .inputs = "X W:X offset:X B?:X mask?:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .traits = {.multiplications = product_of_operands},
        .infer = infer,
        .examples =
            [] {
              Tensor image = f32({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8}), kernel = f32({1, 1, 2, 2}, {1, 1, 1, 1});
              Tensor offset(DType::f32, {1, 8, 2, 2}), moved(DType::f32, {1, 8, 2, 2});
              auto values = moved.mutable_view().as<float>();
              values[0] = 0.5f;    // the first tap of the first place, half a row down
              values[31] = -0.1f;  // the last tap of the last place, a tenth of a column to the left
              return Examples{
                  {"offsets of zero are a convolution",
                   {image, kernel, offset},
                   {{"kernel_shape", Ints{2, 2}}},
                   {f32({1, 1, 2, 2}, {8, 12, 20, 24})}},
                  {"two taps moved", {image, kernel, moved}, {}, {f32({1, 1, 2, 2}, {9.5f, 12, 20, 23.9f})}},
                  {"a bias, a mask and padding",
                   {f32({1, 1, 2}, {1, 2}), f32({1, 1, 2}, {1, 10}), Tensor(DType::f32, {1, 2, 3}), f32({1}, {0.5f}),
                    f32({1, 2, 3}, {1, 1, 1, 1, 0.5f, 1})},
                   {{"pads", Ints{1, 1}}},
                   {f32({1, 1, 3}, {10.5f, 11.5f, 2.5f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "DeformConv", evaluate}};

}  // namespace

std::span<const OpDef> deform_conv_ops() { return defs; }
std::span<const OpRun> deform_conv_runs() { return runs; }

}  // namespace modelctl::ops
