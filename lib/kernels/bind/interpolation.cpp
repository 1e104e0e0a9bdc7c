// The taps and weights of Resize for one output index, after the reference implementation in the ONNX specification.
#include "kernels/bind/interpolation.hpp"

#include <algorithm>
#include <cmath>

namespace modelctl::kernels {
namespace {

// In f32, as the scales are, except for elements of f64: where the result falls on a border, the last bit decides which
// element is nearest.
template <class Real>
Real coordinate(const Interpolation& rules, const ResizedAxis& axis, std::int64_t i) {
  auto x = static_cast<Real>(i), in = static_cast<Real>(axis.in), out = static_cast<Real>(axis.out);
  auto scale = static_cast<Real>(axis.scale), from = static_cast<Real>(axis.from), to = static_cast<Real>(axis.to);
  constexpr Real half = 0.5f;
  std::string_view way = rules.coordinates;
  if (way == "asymmetric") return x / scale;
  if (way == "align_corners") return axis.out == 1 ? 0 : x * (in - 1) / (in * scale - 1);
  if (way == "pytorch_half_pixel") return axis.out > 1 ? (x + half) / scale - half : 0;
  if (way == "tf_half_pixel_for_nn") return (x + half) / scale;
  if (way == "half_pixel_symmetric") {
    // The output size may be rounded: what is cut off is cut off on both sides alike.
    Real adjustment = out / (scale * in), center = in / 2;
    return center * (1 - adjustment) + (x + half) / scale - half;
  }
  if (way == "tf_crop_and_resize") {
    if (axis.out == 1) return half * (from + to) * (in - 1);
    return from * (in - 1) + x * (to - from) * (in - 1) / (out - 1);
  }
  return (x + half) / scale - half;
}

// A whole number as an index. Scales and regions come from the model, so that a coordinate can be anything; beyond any
// axis, the nearest element is the same, and NaN is taken for 0.
std::int64_t index_of(double whole) {
  constexpr double far = 1e15;
  return whole == whole ? static_cast<std::int64_t>(std::clamp(whole, -far, far)) : 0;
}

std::int64_t nearest_index(std::string_view way, double x) {
  double below = std::floor(x), above = std::ceil(x);
  if (way == "floor") return index_of(below);
  if (way == "ceil") return index_of(above);
  if (way == "round_prefer_ceil") return index_of(x - below >= 0.5 ? above : below);
  return index_of(x - below <= 0.5 ? below : above);
}

double cubic(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

}  // namespace

std::vector<InterpolationTap> taps_of(const Interpolation& rules, const ResizedAxis& axis, std::int64_t i) {
  double x = rules.wide ? coordinate<double>(rules, axis, i) : static_cast<double>(coordinate<float>(rules, axis, i));
  auto clamp = [&](std::int64_t index) { return std::clamp(index, std::int64_t{0}, axis.in - 1); };
  bool outside = x < 0 || x > static_cast<double>(axis.in - 1);
  if (rules.coordinates == "tf_crop_and_resize" && outside) return {{-1, 1}};
  if (rules.mode == "nearest") return {{clamp(nearest_index(rules.nearest, x)), 1}};
  // Antialiasing widens the filter by as much as the image shrinks.
  double stretch = rules.antialias && axis.scale < 1 ? axis.scale : 1;
  bool linear = rules.mode == "linear";
  std::int64_t reach = index_of(std::ceil((linear ? 1 : 2) / stretch)), base = index_of(std::floor(x));
  std::vector<InterpolationTap> taps;
  double sum = 0;
  for (std::int64_t index = base - reach + 1; index <= base + reach; ++index) {
    double distance = (x - static_cast<double>(index)) * stretch;
    double weight = linear ? std::max(0.0, 1 - std::fabs(distance)) : cubic(distance, rules.cubic_a);
    if (rules.exclude_outside && (index < 0 || index >= axis.in)) continue;
    taps.push_back({clamp(index), weight});
    sum += weight;
  }
  for (InterpolationTap& tap : taps) tap.weight /= sum;
  return taps;
}

}  // namespace modelctl::kernels
