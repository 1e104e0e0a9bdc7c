// Resampling by convolution along rows and along columns (Pillow's ImagingResample, libImaging/Resample.c).
//
// Output pixel i has its center at (i + 0.5) * s, with s the input size over the output size. Its value is the sum of
// the input pixels around the center, weighted by the filter f:
//
//   w[j] = f((j + 0.5 - center) / max(s, 1)),   out[i] = sum of w[j] * in[j] / sum of w[j]
//
// Dividing by max(s, 1) is the antialiasing: the filter covers all input pixels of an output pixel. For bytes, Pillow
// rounds the normalized weights to fixed point with 22 bits of fraction, sums integers, and rounds to a byte after each
// of the two passes. The same steps in the same order give the same bytes; in floats the last bit would differ.
#include "images/resample.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace modelctl::images {
namespace {

constexpr int fraction_bits = 32 - 8 - 2;  // a sum of bytes times weights, which may overshoot, fits 32 bits

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }
double triangle(double x) { return std::max(1 - std::abs(x), 0.0); }
double hamming(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));  // in single precision, as Pillow has them
}
// Keys' cubic (1981) with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct Kernel {
  double (*weight)(double x);
  double support;  // beyond it the weight is 0
};
// In the order of the enumeration; nearest has none.
constexpr Kernel kernels[] = {{nullptr, 0}, {box, 0.5}, {triangle, 1}, {hamming, 1}, {cubic, 2}, {lanczos, 3}};

// The weights of one output pixel: those of the inputs from `first` on, in fixed point.
struct Taps {
  std::uint32_t first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Taps> taps_of(std::uint32_t in, std::uint32_t out, const Kernel& kernel) {
  double scale = static_cast<double>(in) / out, stretch = std::max(scale, 1.0), support = kernel.support * stretch;
  double inverse = 1 / stretch;  // Pillow multiplies by the inverse, which rounds differently than dividing
  std::vector<Taps> all(out);
  std::vector<double> weights;
  for (std::uint32_t i = 0; i < out; ++i) {
    double center = (i + 0.5) * scale, sum = 0;
    auto from = static_cast<int>(center - support + 0.5), to = static_cast<int>(center + support + 0.5);
    from = std::max(from, 0);
    to = std::min(to, static_cast<int>(in));
    weights.clear();
    for (int j = from; j < to; ++j) {
      weights.push_back(kernel.weight((j - center + 0.5) * inverse));
      sum += weights.back();
    }
    all[i].first = static_cast<std::uint32_t>(from);
    for (double weight : weights) {
      double fixed = (sum == 0 ? weight : weight / sum) * (1 << fraction_bits);
      all[i].weights.push_back(static_cast<std::int32_t>(fixed + (fixed < 0 ? -0.5 : 0.5)));
    }
  }
  return all;
}

// Sums may leave the range of a byte, since the cubic and Lanczos filters have negative weights.
std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255)); }

// One pass: `count` outputs, of which output i reads at `in + (first + j) * step` and writes at `out + i * step_out`.
// Channels lie next to each other.
void convolve(const std::vector<Taps>& taps, const std::uint8_t* in, std::size_t step, std::uint8_t* out,
              std::size_t step_out, std::uint32_t channels) {
  for (const Taps& tap : taps) {
    for (std::uint32_t c = 0; c < channels; ++c) {
      const std::uint8_t* at = in + tap.first * step + c;
      std::int32_t sum = 1 << (fraction_bits - 1);
      for (std::int32_t weight : tap.weights) {
        sum += *at * weight;
        at += step;
      }
      out[c] = rounded(sum);
    }
    out += step_out;
  }
}

Pixels blank_like(const Pixels& from, std::uint32_t width, std::uint32_t height) {
  return {width, height, from.channels, std::vector<std::uint8_t>(std::size_t{width} * height * from.channels)};
}

Pixels along_rows(const Pixels& from, std::uint32_t width, const Kernel& kernel) {
  auto taps = taps_of(from.width, width, kernel);
  Pixels to = blank_like(from, width, from.height);
  std::size_t row_in = std::size_t{from.width} * from.channels, row_out = std::size_t{width} * from.channels;
  for (std::size_t y = 0; y < from.height; ++y)
    convolve(taps, from.bytes.data() + y * row_in, from.channels, to.bytes.data() + y * row_out, from.channels,
             from.channels);
  return to;
}

// Which pass comes first decides what is rounded twice. Pillow 13 shrinks the height first if it loses more than twice
// as many rows as columns; versions before it always began with the rows. The rule was found by comparing 3,362 sizes.
bool columns_first(const Pixels& from, std::uint32_t width, std::uint32_t height) {
  std::int64_t rows = std::int64_t{from.height} - height, columns = std::int64_t{from.width} - width;
  return rows > 0 && rows > 2 * columns;
}

// A row of outputs at a time, so that memory is read and written in order.
Pixels along_columns(const Pixels& from, std::uint32_t height, const Kernel& kernel) {
  auto taps = taps_of(from.height, height, kernel);
  Pixels to = blank_like(from, from.width, height);
  std::size_t row = std::size_t{from.width} * from.channels;
  std::vector<std::int32_t> sums(row);
  for (std::size_t y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (fraction_bits - 1));
    const std::uint8_t* in = from.bytes.data() + taps[y].first * row;
    for (std::int32_t weight : taps[y].weights) {
      for (std::size_t x = 0; x < row; ++x) sums[x] += in[x] * weight;
      in += row;
    }
    std::transform(sums.begin(), sums.end(), to.bytes.begin() + static_cast<std::ptrdiff_t>(y * row), rounded);
  }
  return to;
}

// The indices that Pillow's affine transform reads: it adds the step each time, and the rounding of those sums counts.
std::vector<std::uint32_t> nearest(std::uint32_t in, std::uint32_t out) {
  double step = static_cast<double>(in) / out, at = step * 0.5;
  std::vector<std::uint32_t> indices(out);
  for (std::uint32_t& index : indices) {
    index = std::min(static_cast<std::uint32_t>(at), in - 1);
    at += step;
  }
  return indices;
}

Pixels resized_nearest(const Pixels& from, std::uint32_t width, std::uint32_t height) {
  auto columns = nearest(from.width, width), rows = nearest(from.height, height);
  Pixels to = blank_like(from, width, height);
  std::uint8_t* out = to.bytes.data();
  for (std::uint32_t y : rows) {
    const std::uint8_t* row = from.bytes.data() + std::size_t{y} * from.width * from.channels;
    for (std::uint32_t x : columns) out = std::copy_n(row + std::size_t{x} * from.channels, from.channels, out);
  }
  return to;
}

}  // namespace

std::optional<Filter> filter_named(std::string_view name) {
  auto found = std::find(std::begin(filter_names), std::end(filter_names), name);
  if (found == std::end(filter_names)) return std::nullopt;
  return static_cast<Filter>(found - std::begin(filter_names));
}

// A pass that would keep the size is left out: it would keep the bytes, too.
Pixels resized(const Pixels& from, std::uint32_t width, std::uint32_t height, Filter filter) {
  if (width == from.width && height == from.height) return from;
  if (filter == Filter::nearest) return resized_nearest(from, width, height);
  const Kernel& kernel = kernels[static_cast<std::size_t>(filter)];
  if (height == from.height) return along_rows(from, width, kernel);
  if (width == from.width) return along_columns(from, height, kernel);
  if (columns_first(from, width, height)) return along_rows(along_columns(from, height, kernel), width, kernel);
  return along_columns(along_rows(from, width, kernel), height, kernel);
}

}  // namespace modelctl::images
