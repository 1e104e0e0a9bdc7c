// RoiAlign and MaxRoiPool: regions of a feature map resampled to one size, for detectors of two stages.
//
// RoiAlign (He et al., 2017) reads samples between the pixels, so that a region need not be rounded; MaxRoiPool
// (Girshick, 2015) rounds regions and bins to whole pixels, which shifts them by up to half a pixel. In both, a region
// is scaled by spatial_scale from the image's coordinates to the map's and is divided into bins of equal size, one for
// each element of the output.
//
// Smallest runner: regular, since most detectors have one stage.
#include "ops/reference/widening.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The output: one map of this size for each rectangle, with X's channels.
Result<void> infer_regions(Inference& call, std::int64_t columns, const Expr& height, const Expr& width) {
  TRY(need_rank(call, 0, 4, 4));
  TRY(need_rank(call, 1, 2, 2));
  const Shape *x = call.shape(0), *rois = call.shape(1);
  if (rois != nullptr) TRY(same_size(call, (*rois)[1], Expr(columns)));
  Shape shape = unknown_shape(call, 2);
  if (rois != nullptr) shape[0] = (*rois)[0];
  if (x != nullptr) shape[1] = (*x)[1];
  shape.push_back(height);
  shape.push_back(width);
  call.set_output(0, TRY(common_element(call, {0, 1})), std::move(shape));
  return {};
}

// Samples are kept in memory, and time is the square of their number. A ratio of 0 needs no bound: only samples on the
// map are kept.
constexpr std::int64_t most_samples = 1 << 12;  // along one axis of the output, if the model demands a number

// The attributes of RoiAlign (He et al., 2017). half_pixel coordinates subtract half a pixel from the region's corners.
struct Align {
  std::int64_t height, width, sampling_ratio;
  double scale;
  bool max, half_pixel;
};

Result<Align> align_of(const Attributes& attributes) {
  Align align{attributes.integer("output_height", 1),
              attributes.integer("output_width", 1),
              attributes.integer("sampling_ratio"),
              static_cast<double>(attributes.number("spatial_scale", 1)),
              attributes.text("mode", "avg") == "max",
              attributes.text("coordinate_transformation_mode", "half_pixel") != "output_half_pixel"};
  if (align.height < 1 || align.width < 1) return refuse("output_height and output_width must be positive");
  if (align.sampling_ratio < 0 || align.sampling_ratio > most_samples / std::max(align.height, align.width)) {
    return refuse("sampling_ratio cannot be " + std::to_string(align.sampling_ratio));
  }
  return align;
}

Result<void> infer_align(Inference& call) {
  auto align = align_of(call.attributes());
  if (!align) return call.bad(align.error().what);
  TRY(need_rank(call, 2, 1, 1));
  return infer_regions(call, 4, Expr(align->height), Expr(align->width));
}

// A sample along one axis: between two elements.
struct Sample {
  std::int64_t low, high;
  double to_low, to_high;  // the weights of both
};

// The samples of each bin along one axis, without those outside of the map: they count, but add nothing.
struct Axis {
  std::vector<Sample> samples;
  std::vector<std::size_t> ends;  // bin i has samples[ends[i - 1] .. ends[i])
  double count = 0;               // in each bin, with those outside

  std::span<const Sample> bin(std::size_t index) const {
    std::size_t from = index == 0 ? 0 : ends[index - 1];
    return std::span(samples).subspan(from, ends[index] - from);
  }
};

// The sample points of `bins` bins along one axis: bin i has points from + i * bin + (k + 0.5) * step, k < count, where
// count is the ratio, or ceil(bin) for one each about every pixel. A point in [-1, size] is moved to the nearest
// position in [0, size - 1] and split between its two neighbors; one further outside is left out (Caffe2 defined it
// so). Regions are data: their lengths may be negative, infinite or NaN, and none of that may make a loop long or an
// index wrong.
Axis axis_of(double from, double length, std::int64_t bins, std::int64_t ratio, std::int64_t size) {
  Axis axis;
  double bin = length / static_cast<double>(bins), limit = static_cast<double>(size);
  axis.count = ratio > 0 ? static_cast<double>(ratio) : std::ceil(bin);
  double step = bin / axis.count;
  for (std::int64_t i = 0; i < bins; ++i) {
    double start = from + static_cast<double>(i) * bin;
    // Samples k whose place start + (k + 0.5) * step lies in [-1, size]; a step is at most as long as the map's, or the
    // number of samples small, so that there are not many.
    // `count` may be huge if the ratio adapts. Only the range of k that can hit the map is visited, one more on each
    // side for rounding; the test in the loop decides.
    double first = std::max(0.0, std::floor((-1 - start) / step - 1)), last = std::ceil((limit - start) / step);
    if (ratio > 0) {  // few samples with any step: check each of them
      first = 0;
      last = axis.count;
    }
    last = std::min(last, axis.count - 1);
    if (!(last < 0x1p52)) last = -1;  // beyond 2^52 k + 1 may equal k
    for (double k = first; k <= last; ++k) {
      double at = start + (k + 0.5) * step;
      if (!(at >= -1 && at <= limit)) continue;
      at = std::max(at, 0.0);
      auto low = static_cast<std::int64_t>(at);
      if (low >= size - 1) axis.samples.push_back({size - 1, size - 1, 1, 0});
      else axis.samples.push_back({low, low + 1, 1 - (at - static_cast<double>(low)), at - static_cast<double>(low)});
    }
    axis.ends.push_back(axis.samples.size());
  }
  return axis;
}

// One bin of one channel: the mean of its samples, or the greatest of their weighted corners, which is how the operator
// defines its maximum (it does not interpolate first). `all` counts the samples outside of the map too, which are
// zeros: they lower a mean, and a maximum is at least 0 if there are any.
template <class R>
double pooled(const R* image, std::int64_t width, std::span<const Sample> rows, std::span<const Sample> columns,
              double all, bool greatest) {
  double sum = 0, best = -HUGE_VAL;
  for (const Sample& v : rows) {
    const R *upper = image + v.low * width, *lower = image + v.high * width;
    for (const Sample& h : columns) {
      double corners[] = {v.to_low * h.to_low * static_cast<double>(upper[h.low]),
                          v.to_low * h.to_high * static_cast<double>(upper[h.high]),
                          v.to_high * h.to_low * static_cast<double>(lower[h.low]),
                          v.to_high * h.to_high * static_cast<double>(lower[h.high])};
      if (greatest) best = std::max(best, *std::max_element(corners, corners + 4));
      else sum += corners[0] + corners[1] + corners[2] + corners[3];
    }
  }
  if (!greatest) return sum / all;
  const double inside = static_cast<double>(rows.size()) * static_cast<double>(columns.size());
  return inside < all ? std::max(best, 0.0) : best;
}

// Each bin is the mean (or maximum) of sampling_ratio^2 points read by bilinear interpolation; 0 adapts the ratio to
// the size of the region. Points outside of the image count but are not visited, so a huge region costs no more than
// the image. Samples are the product of those along both axes, so they are computed once for a region and shared by all
// channels.
Result<void> roi_align(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &rois = call.input(1), &batches = call.input(2);
  TRY(same_type(x, rois));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  if (x.rank() != 4) return refuse("X must have rank 4, not " + std::to_string(x.rank()));
  if (rois.rank() != 2 || rois.dim(1) != 4) return refuse("rois must have four columns");
  if (batches.rank() != 1 || batches.dim(0) != rois.dim(0)) return refuse("there must be one batch index for each roi");
  Align align = TRY(align_of(call.attributes));
  Dims batch_of = TRY(indices(batches, x.dim(0)));
  std::int64_t count = rois.dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, Dims{count, channels, align.height, align.width}));
  if (y.elements() == 0) return {};
  if (height * width == 0) return refuse("there is nothing to sample");
  auto load = load_of<double>(rois.type);
  with_widened<1>({x}, y, [&](const auto& in, auto* out) {
    using R = std::remove_reference_t<decltype(*out)>;
    for (std::int64_t roi = 0; roi < count; ++roi) {
      double offset = align.half_pixel ? 0.5 : 0;
      auto edge = [&](std::int64_t i) { return load(rois.data, roi * 4 + i) * align.scale - offset; };
      double wide = edge(2) - edge(0), high = edge(3) - edge(1);
      // The older form makes every region at least one pixel; the newer one takes malformed regions as they are.
      if (!align.half_pixel) {
        wide = std::max(wide, 1.0);
        high = std::max(high, 1.0);
      }
      Axis rows = axis_of(edge(1), high, align.height, align.sampling_ratio, height);
      Axis columns = axis_of(edge(0), wide, align.width, align.sampling_ratio, width);
      // At least 1, for a region without samples: its mean is 0 and not 0 / 0.
      double all = std::max(rows.count * columns.count, 1.0);
      const auto* image = in[0] + batch_of[static_cast<std::size_t>(roi)] * channels * height * width;
      for (std::int64_t channel = 0; channel < channels; ++channel, image += height * width) {
        if (call.interrupted()) return;
        for (std::size_t row = 0; row < rows.ends.size(); ++row) {
          for (std::size_t column = 0; column < columns.ends.size(); ++column) {
            *out++ = static_cast<R>(pooled(image, width, rows.bin(row), columns.bin(column), all, align.max));
          }
        }
      }
    }
  });
  return {};
}

Result<Dims> pooled_of(const Attributes& attributes) {
  const auto& pooled = attributes.integers("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1) return refuse("pooled_shape must be two positive sizes");
  return Dims(pooled.begin(), pooled.end());
}

Result<void> infer_pool(Inference& call) {
  auto pooled = pooled_of(call.attributes());
  if (!pooled) return call.bad(pooled.error().what);
  return infer_regions(call, 5, Expr((*pooled)[0]), Expr((*pooled)[1]));
}

// The elements of bin `index` of `bins` along one axis: [from, to). `last` is the region's last pixel, not the one
// after it; malformed regions become one pixel. The lower edge is rounded down and the upper one up, so bins may
// overlap, and none is empty unless it lies outside of the map.
std::pair<std::int64_t, std::int64_t> bin_of(double first, double last, std::int64_t index, std::int64_t bins,
                                             std::int64_t size) {
  double bin = std::max(last - first + 1, 1.0) / static_cast<double>(bins);
  auto within = [&](double at) {
    return at > 0 ? static_cast<std::int64_t>(std::min(at, static_cast<double>(size))) : std::int64_t{0};
  };
  return {within(first + std::floor(static_cast<double>(index) * bin)),
          within(first + std::ceil(static_cast<double>(index + 1) * bin))};
}

// The maximum of each bin, whose edges are rounded to whole pixels (Girshick, 2015); an empty bin gives 0. A row of
// rois is batch, x1, y1, x2, y2. The batch is a float: the comparison refuses NaN too.
Result<void> max_roi_pool(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &rois = call.input(1);
  TRY(same_type(x, rois));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  if (x.rank() != 4) return refuse("X must have rank 4, not " + std::to_string(x.rank()));
  if (rois.rank() != 2 || rois.dim(1) != 5) return refuse("rois must have five columns");
  Dims pooled = TRY(pooled_of(call.attributes));
  auto scale = static_cast<double>(call.attributes.number("spatial_scale", 1));
  std::int64_t count = rois.dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, Dims{count, channels, pooled[0], pooled[1]}));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::int64_t place = 0;
  for (std::int64_t roi = 0; roi < count; ++roi) {
    double batch = load(rois.data, roi * 5);
    if (!(batch >= 0 && batch < static_cast<double>(x.dim(0)))) {
      return refuse("a roi's batch is outside an axis of size " + std::to_string(x.dim(0)));
    }
    auto edge = [&](std::int64_t i) { return std::round(load(rois.data, roi * 5 + i) * scale); };
    std::int64_t image = static_cast<std::int64_t>(batch) * channels * height * width;
    for (std::int64_t channel = 0; channel < channels; ++channel, image += height * width) {
      if (call.interrupted()) return {};
      for (std::int64_t row = 0; row < pooled[0]; ++row) {
        auto [top, bottom] = bin_of(edge(2), edge(4), row, pooled[0], height);
        for (std::int64_t column = 0; column < pooled[1]; ++column) {
          auto [left, right] = bin_of(edge(1), edge(3), column, pooled[1], width);
          bool any = false;
          double best = 0;
          for (std::int64_t h = top; h < bottom; ++h) {
            for (std::int64_t w = left; w < right; ++w) {
              double value = load(x.data, image + h * width + w);
              if (!any || value > best) best = value;
              any = true;
            }
          }
          store(y.data, place++, best);
        }
      }
    }
  }
  return {};
}

// Before opset 16 coordinates were not shifted by half a pixel, which output_half_pixel means; the default is
// half_pixel.
Result<void> upgrade_align(const Upgrade& upgrade) {
  if (upgrade.opset < 16) {
    upgrade.node.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  }
  return {};
}

constexpr AttributeDef of_align[] = {
    text_choice("coordinate_transformation_mode", "half_pixel output_half_pixel",
                "output_half_pixel leaves coordinates as they are"),
    text_choice("mode", "avg max", "how the samples of a bin are joined"),
    {"output_height", AttributeType::integer, "1 if absent"},
    {"output_width", AttributeType::integer, "1 if absent"},
    {"sampling_ratio", AttributeType::integer, "samples along each axis of a bin; 0, if absent: one for each pixel"},
    {"spatial_scale", AttributeType::number, "from the rectangles' coordinates to X's; 1 if absent"}};
constexpr AttributeDef of_pool[] = {
    {"pooled_shape", AttributeType::integers, "the output's height and width", true},
    {"spatial_scale", AttributeType::number, "from the rectangles' coordinates to X's; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "RoiAlign",
        .since = 22,
        .summary = "Averages of samples between the pixels of rectangles.",
        .inputs = "X rois:X batch_indices:i64",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_align,
        .infer = infer_align,
        .upgrade = upgrade_align,
        .examples =
            [] {
              Tensor image = f32({1, 1, 2, 2}, {1, 2, 3, 4});
              return Examples{{"one bin over the whole image",
                               {image, f32({1, 4}, {0, 0, 2, 2}), i64({1}, {0})},
                               {{"sampling_ratio", std::int64_t{1}}},
                               {f32({1, 1, 1, 1}, {2.5f})}},
                              {"the greatest weighted corner, coordinates as they are",
                               {image, f32({1, 4}, {0, 0, 1, 1}), i64({1}, {0})},
                               {{"mode", std::string("max")},
                                {"sampling_ratio", std::int64_t{1}},
                                {"coordinate_transformation_mode", std::string("output_half_pixel")}},
                               {f32({1, 1, 1, 1}, {1})}},
                              {"a rectangle far outside is nothing, however large",
                               {image, f32({1, 4}, {1e9f, 1e9f, 2e9f, 2e9f}), i64({1}, {0})},
                               {{"output_width", std::int64_t{2}}},
                               {f32({1, 1, 1, 2}, {0, 0})}}};
            },
    },
    {
        .name = "MaxRoiPool",
        .since = 22,
        .summary = "The greatest element in each bin of rectangles.",
        .inputs = "X rois:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_pool,
        .infer = infer_pool,
        .examples =
            [] {
              return Examples{{"two bins, side by side",
                               {f32({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), f32({1, 5}, {0, 0, 0, 3, 0})},
                               {{"pooled_shape", Ints{1, 2}}},
                               {f32({1, 1, 1, 2}, {2, 4})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "RoiAlign", roi_align}, {"", "MaxRoiPool", max_roi_pool}};

}  // namespace

std::span<const OpDef> roi_ops() { return defs; }
std::span<const OpRun> roi_runs() { return runs; }

}  // namespace modelctl::ops
