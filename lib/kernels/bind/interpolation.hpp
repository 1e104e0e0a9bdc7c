// Which elements of an axis make an element of the axis resized, and with what weights: Resize's rules, for the
// operator and the kernel alike.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace modelctl::kernels {

// One axis: the output's size, the scale, and the part of the input that tf_crop_and_resize looks at.
struct ResizedAxis {
  std::int64_t in = 0, out = 0;
  double scale = 1, from = 0, to = 1;
};

// in * scale, which rounded down is the output's size. In f32, as scales are and as ONNX Runtime multiplies: 12 *
// 0.58333331f is then 7, the size that an exporter computed the scale from. Sizes that f32 cannot represent are
// multiplied in f64.
inline double scaled_size(std::int64_t in, double scale) {
  if (in >= 1 << 24) return static_cast<double>(in) * scale;
  return static_cast<double>(static_cast<float>(in) * static_cast<float>(scale));
}

struct Interpolation {
  std::string_view mode, nearest, coordinates;  // as ONNX's attributes spell them
  double cubic_a;
  bool exclude_outside, antialias;
  bool wide = false;  // coordinates in f64, for elements of f64
};

// One output index as a weighted sum of input indices; an index of -1 stands for the extrapolation value.
struct InterpolationTap {
  std::int64_t index;
  double weight;
};
std::vector<InterpolationTap> taps_of(const Interpolation& rules, const ResizedAxis& axis, std::int64_t i);

}  // namespace modelctl::kernels
