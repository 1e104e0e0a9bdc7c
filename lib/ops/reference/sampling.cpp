// A point with n axes has up to 2^n (linear) or 4^n (cubic) neighbors; those in the padding are dropped here, so that
// the loops over channels meet elements of the image only.
#include "ops/reference/sampling.hpp"

#include <cmath>

namespace modelctl::ops {

AxisTaps linear_taps(double x, std::int64_t size) {
  // Written so that a NaN is outside, too.
  if (!(x > -1 && x < static_cast<double>(size))) return {{-1, -1}, {0, 0}, 2};
  double below = std::floor(x);
  auto at = static_cast<std::int64_t>(below);
  return {{at, at + 1 < size ? at + 1 : -1}, {1 - (x - below), x - below}, 2};
}

// Each axis multiplies the list: every tap so far is replaced by its products with the taps of the next axis.
void append_taps(std::vector<Tap>& taps, std::span<const AxisTaps> axes, DimsView strides) {
  std::size_t first = taps.size();
  taps.push_back({0, 1});
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    std::size_t last = taps.size();
    for (std::size_t tap = first; tap < last; ++tap) {
      for (std::size_t i = 0; i < axes[axis].count; ++i) {
        if (axes[axis].index[i] < 0) continue;
        taps.push_back(
            {taps[tap].offset + axes[axis].index[i] * strides[axis], taps[tap].weight * axes[axis].weight[i]});
      }
    }
    taps.erase(taps.begin() + static_cast<std::ptrdiff_t>(first), taps.begin() + static_cast<std::ptrdiff_t>(last));
  }
}

}  // namespace modelctl::ops
