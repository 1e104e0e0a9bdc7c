// GridSample: an image sampled at the positions that a grid names, in [-1, 1] along each axis. The positions of a batch
// are computed once, as taps and weights, and then read from every channel.
//
// A coordinate becomes taps in four steps, axis by axis: `place` scales it to the input's elements (and rounds it, for
// the nearest one), `inside` applies the padding mode to the point, `taps` finds the elements around it with their
// weights, and `element` applies the padding mode to each of these. A point's taps are the products of its axes' taps:
// 1 for nearest, up to 2^n for linear and 4^n for cubic with n axes.
//
// Smallest runner: regular, since warping and deformable attention are rare.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/sampling.hpp"
#include "ops/reference/storage.hpp"
#include "ops/reference/widening.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

constexpr std::size_t most_axes = 5;  // spatial; a cubic point has 4 to the power of it taps

enum class Padding { zeros, border, reflection };
constexpr std::string_view paddings = "zeros border reflection";
enum class Mode { linear, nearest, cubic };
constexpr std::string_view modes = "linear nearest cubic";

// The attributes, read once; opset 16 called linear and cubic bilinear and bicubic, which the upgrade renames.
struct Settings {
  Mode mode;
  Padding padding;
  bool align_corners;
};

Settings settings_of(const Attributes& attributes) {
  return {choice_of<Mode>(attributes, "mode", modes), choice_of<Padding>(attributes, "padding_mode", paddings),
          attributes.integer("align_corners") != 0};
}

// x mirrored at the borders of an axis until it lies within. The distance from one border is a triangle wave of period
// 2 (high - low): one remainder, whatever the number of reflections. An axis of one element has no range with
// align_corners.
double reflected(double x, double low, double high) {
  double range = high - low;
  if (!(range > 0)) return low;
  double distance = std::fmod(std::fabs(x - low), 2 * range);
  return distance <= range ? low + distance : high - (distance - range);
}

// Along one axis of this size. With align_corners the borders -1 and 1 are the centers of the outermost elements, 0 and
// size - 1; without, they are their outer edges, -0.5 and size - 0.5.
struct Sampler {
  const Settings& settings;
  std::int64_t size;

  double low() const { return settings.align_corners ? 0 : -0.5; }
  double high() const { return static_cast<double>(size) - (settings.align_corners ? 1 : 0.5); }

  // Where a coordinate of [-1, 1] lies between the elements; in the grid's own precision, as rounding to the nearest
  // element needs it.
  template <class R>
  R place(R coordinate) const {
    auto length = static_cast<R>(size);
    R x = settings.align_corners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2;
    return settings.mode == Mode::nearest ? std::nearbyint(x) : x;
  }

  // A point beyond the borders, moved inside if the padding mode says so.
  double inside(double x) const {
    if (x >= low() && x <= high()) return x;
    if (settings.padding == Padding::zeros) return x;
    // Infinities go to the border that they are beyond; NaN, which no comparison above holds for, to the first element.
    if (!std::isfinite(x)) return std::signbit(x) || std::isnan(x) ? 0 : static_cast<double>(size - 1);
    // A cubic next to the border uses the element before it; a point further out reads the border alone.
    double reach = settings.mode == Mode::cubic ? 2 : 0;
    if (settings.padding == Padding::border) return std::clamp(x, -reach, static_cast<double>(size - 1) + reach);
    return reflected(x, low(), high());
  }

  // The element that an index reads, after border or reflection was applied; -1 for padding.
  std::int64_t element(std::int64_t index) const {
    if (index >= 0 && index < size) return index;
    switch (settings.padding) {
      case Padding::zeros: return -1;
      case Padding::border: return std::clamp(index, std::int64_t{0}, size - 1);
      case Padding::reflection: break;
    }
    auto mirrored = static_cast<std::int64_t>(reflected(static_cast<double>(index), low(), high()));
    return std::clamp(mirrored, std::int64_t{0}, size - 1);
  }

  // The cubic kernel W of distance d, with a = -0.75 as in PyTorch: near is (a + 2) d^3 - (a + 3) d^2 + 1 for d up to
  // 1, far is a d^3 - 5 a d^2 + 8 a d - 4 a for d from 1 to 2. The four weights add up to 1 for every t.
  AxisTaps taps(double x) const {
    constexpr double a = -0.75;  // the coefficient of the cubic kernel (Keys, 1981)
    // Far outside, or NaN: only padding.
    if (!(x > -4 && x < static_cast<double>(size) + 4)) return {{-1}, {0}, 1};
    double below = std::floor(x), t = x - below, u = 1 - t;
    auto at = static_cast<std::int64_t>(below);
    if (settings.mode == Mode::nearest) return {{element(at)}, {1}, 1};
    if (settings.mode == Mode::linear) return {{element(at), element(at + 1)}, {u, t}, 2};
    auto near = [&](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    auto far = [&](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    return {{element(at - 1), element(at), element(at + 1), element(at + 2)},
            {far(t + 1), near(t), near(u), far(u + 1)},
            4};
  }
};

// X gives batch and channels, the grid the output's spatial sizes. The grid's last axis is as long as X has spatial
// axes.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, most_axes + 2));
  TRY(need_rank(call, 1, 3, most_axes + 2));
  const Shape *x = call.shape(0), *grid = call.shape(1);
  if (x == nullptr && grid == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  if (x != nullptr && grid != nullptr) {
    if (x->size() != grid->size()) return call.bad("X and grid must have the same rank");
    TRY(same_size(call, grid->back(), Expr(static_cast<std::int64_t>(x->size()) - 2)));
  }
  Shape shape = unknown_shape(call, (x != nullptr ? x : grid)->size());
  if (x != nullptr) std::copy_n(x->begin(), 2, shape.begin());
  if (grid != nullptr) {
    shape[0] = x == nullptr ? grid->front() : TRY(same_size(call, x->front(), grid->front()));
    std::copy(grid->begin() + 1, grid->end() - 1, shape.begin() + 2);
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The taps of some of the output's points: those of point p are taps[ends[p - 1] .. ends[p]).
struct Points {
  std::vector<Tap> taps;
  std::vector<std::size_t> ends;
};

// mode nearest moves elements without arithmetic, so X may be of any type there, strings included. The grid must be
// floats.
Result<void> check(const TensorView& x, const TensorView& grid, const Settings& settings) {
  TRY(need_rank(x, 3, "X"));
  TRY(need_rank(grid, 3, "grid"));
  std::size_t axes = x.rank() - 2;
  if (axes > most_axes) return refuse("X must have rank 7 or less, not " + std::to_string(x.rank()));
  if (grid.rank() != x.rank() || grid.dims.back() != static_cast<std::int64_t>(axes) || grid.dim(0) != x.dim(0)) {
    return refuse("the grid must have X's batch, the output's sizes and one coordinate for each of X's spatial axes");
  }
  if (!holds<Floats>(grid.type)) return refuse_type(grid.type);
  if (settings.mode != Mode::nearest && !holds<NumbersAndBool>(x.type)) return refuse_type(x.type);
  return {};
}

// The taps of the points [start, end) of the grid, all of its batches counted through.
//
// Positions of an f32 grid are computed in f32 and not in f64, since the last bit decides at a tie between two
// elements. f16 and bf16 are widened to f32 too.
void find_taps(const TensorView& grid, const Settings& settings, DimsView spatial, std::int64_t start, std::int64_t end,
               Points& found) {
  const std::size_t axes = spatial.size();
  const Dims strides = strides_of(spatial);
  auto load = load_of<double>(grid.type);
  std::array<AxisTaps, most_axes> at;
  found.taps.clear();
  found.ends.clear();
  for (std::int64_t point = start; point < end; ++point) {
    for (std::size_t axis = 0; axis < axes; ++axis) {
      // The innermost axis' coordinate comes first.
      double coordinate =
          load(grid.data, (point + 1) * static_cast<std::int64_t>(axes) - 1 - static_cast<std::int64_t>(axis));
      Sampler sampler{settings, spatial[axis]};
      double place = grid.type == DType::f64 ? sampler.place(coordinate)
                                             : static_cast<double>(sampler.place(static_cast<float>(coordinate)));
      at[axis] = sampler.taps(sampler.inside(place));
    }
    append_taps(found.taps, std::span(at).first(axes), strides);
    found.ends.push_back(found.taps.size());
  }
}

// The points of a chunk stay in the cache while all channels read them. Finding them takes N * points searches, and
// reading them N * channels * points * taps multiplications.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &grid = call.input(1);
  Settings settings = settings_of(call.attributes);
  TRY(check(x, grid, settings));
  Dims dims{x.dim(0), x.dim(1)};
  dims.insert(dims.end(), grid.dims.begin() + 1, grid.dims.end() - 1);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};
  DimsView spatial = x.dims.subspan(2);
  std::int64_t plane = product(spatial), points = product(DimsView(dims).subspan(2)), channels = x.dim(1);
  if (plane == 0) return refuse("there is nothing to sample");

  // Calls read(taps, from, to) for each point and channel; `from` and `to` are offsets into X and Y. The taps of a
  // chunk of points are found once for all channels.
  auto for_each_point = [&](auto&& read) {
    constexpr std::int64_t chunk = 256;
    Points found;
    for (std::int64_t start = 0, end = 0; start < points * x.dim(0); start = end) {
      // A chunk ends with its batch, since the next batch has other images.
      end = std::min(start / points * points + points, start + chunk);
      std::int64_t batch = start / points, length = end - start;
      find_taps(grid, settings, spatial, start, end, found);
      for (std::int64_t channel = batch * channels; channel < (batch + 1) * channels; ++channel) {
        if (call.interrupted()) return;
        std::size_t from = 0;
        for (std::int64_t i = 0; i < length; ++i) {
          std::size_t to = found.ends[static_cast<std::size_t>(i)];
          read(std::span(found.taps).subspan(from, to - from), channel * plane, channel * points + start % points + i);
          from = to;
        }
      }
    }
  };
  if (settings.mode == Mode::nearest) {
    return for_storage(x.type, [&]<class T>() -> Result<void> {
      const T* in = x.as<T>().data();
      T* out = y.as<T>().data();
      for_each_point([&](std::span<const Tap> taps, std::int64_t from, std::int64_t to) {
        out[to] = taps.empty() ? T{} : in[from + taps[0].offset];
      });
      return {};
    });
  }
  with_widened<1>({x}, y, [&](const auto& in, auto* out) {
    for_each_point([&](std::span<const Tap> taps, std::int64_t from, std::int64_t to) {
      double sum = 0;
      for (const Tap& tap : taps) sum += tap.weight * static_cast<double>(in[0][from + tap.offset]);
      out[to] = static_cast<std::remove_reference_t<decltype(*out)>>(sum);
    });
  });
  return {};
}

// Opset 16 used the names of the two-dimensional modes.
Result<void> upgrade(const Upgrade& upgrade) {
  if (upgrade.opset >= 20) return {};
  std::string_view mode = upgrade.node.attributes.text("mode", "bilinear");
  if (mode == "bilinear") upgrade.node.attributes.set("mode", std::string("linear"));
  if (mode == "bicubic") upgrade.node.attributes.set("mode", std::string("cubic"));
  return {};
}

constexpr AttributeDef attributes[] = {{"align_corners", AttributeType::integer,
                                        "1: -1 and 1 are the middles of the outermost elements; 0, if absent: "
                                        "their outer edges"},
                                       text_choice("mode", modes, "how values between elements are interpolated"),
                                       text_choice("padding_mode", paddings, "values outside of the image")};

constexpr OpDef defs[] = {
    {
        .name = "GridSample",
        .since = 22,
        .summary = "The image's values at the points of a grid.",
        .inputs = "X grid:floats",
        .outputs = "Y",
        .types = any_type,
        .attributes = attributes,
        .infer = infer,
        .upgrade = upgrade,
        .examples =
            [] {
              Tensor image = f32({1, 1, 2, 2}, {1, 2, 3, 4});
              return Examples{{"the middle of four pixels, and a corner half outside",
                               {image, f32({1, 1, 2, 2}, {0, 0, -1, -1})},
                               {},
                               {f32({1, 1, 1, 2}, {2.5f, 0.25f})}},
                              {"x comes before y",
                               {image, f32({1, 1, 1, 2}, {1, -1})},
                               {{"align_corners", std::int64_t{1}}},
                               {f32({1, 1, 1, 1}, {2})}},
                              {"the nearest, halves to the even one, beyond the border",
                               {f32({1, 1, 3}, {1, 2, 3}), f32({1, 3, 1}, {-0.5f, 0.5f, 9})},
                               {{"align_corners", std::int64_t{1}},
                                {"mode", std::string("nearest")},
                                {"padding_mode", std::string("border")}},
                               {f32({1, 1, 3}, {1, 3, 3})},
                               0},
                              {"mirrored at the borders",
                               {f32({1, 1, 3}, {1, 2, 3}), f32({1, 2, 1}, {1.5f, -2})},
                               {{"align_corners", std::int64_t{1}}, {"padding_mode", std::string("reflection")}},
                               {f32({1, 1, 2}, {2.5f, 2})}},
                              {"cubic",
                               {f32({1, 1, 4}, {0, 0, 1, 1}), f32({1, 1, 1}, {0})},
                               {{"mode", std::string("cubic")}, {"align_corners", std::int64_t{1}}},
                               {f32({1, 1, 1}, {0.5f})}},
                              {"cubic, beyond the border",
                               {f32({1, 1, 2}, {0, 8}), f32({1, 2, 1}, {2, 9})},
                               {{"mode", std::string("cubic")},
                                {"align_corners", std::int64_t{1}},
                                {"padding_mode", std::string("border")}},
                               {f32({1, 1, 2}, {8.75f, 8})}},
                              {"words are moved, if nothing is added",
                               {strings({1, 1, 2}, {"left", "right"}), f32({1, 2, 1}, {1, 5})},
                               {{"mode", std::string("nearest")}, {"align_corners", std::int64_t{1}}},
                               {strings({1, 1, 2}, {"right", ""})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "GridSample", evaluate}};

}  // namespace

std::span<const OpDef> grid_sample_ops() { return defs; }
std::span<const OpRun> grid_sample_runs() { return runs; }

}  // namespace modelctl::ops
