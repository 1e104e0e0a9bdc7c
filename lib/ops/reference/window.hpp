// The sliding windows of convolution and pooling: their attributes, checked, and the sizes that follow, the same for
// inference (symbolic sizes) and evaluation. The specification is that of Conv and MaxPool in ONNX.
#pragma once

#include "ops/reference/run.hpp"

#include <array>

namespace modelctl::ops {

// Along one spatial axis.
struct Window {
  std::int64_t kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0;  // begin, end: padding
  std::int64_t reach() const { return dilation * (kernel - 1) + 1; }      // from the first tap to past the last
};

enum class AutoPad { none, same_upper, same_lower, valid };
inline constexpr std::string_view auto_pads = "NOTSET SAME_UPPER SAME_LOWER VALID";

struct Windows {
  std::vector<Window> axes;
  AutoPad auto_pad = AutoPad::none;
  bool ceil = false;  // ceil_mode
};

// Reads kernel_shape (`kernel` if that is absent), strides, dilations, pads, auto_pad and ceil_mode; every
// number is checked and below 2^31.
Result<Windows> read_windows(const Attributes& attributes, DimsView kernel, std::size_t axes);

// How many positions a window has along an axis of this size, and the window with the paddings that auto_pad means.
Result<std::int64_t> window_count(const Windows& windows, std::size_t axis, std::int64_t size);
Window with_padding(const Windows& windows, std::size_t axis, std::int64_t size);

// The taps [first, last) of the window at `position` that meet the input rather than padding. The input's index of tap
// k is origin + k * dilation.
struct Taps {
  std::int64_t first, last, origin;
};
inline Taps taps(const Window& window, std::int64_t position, std::int64_t size) {
  std::int64_t origin = position * window.stride - window.begin;
  std::int64_t first = origin >= 0 ? 0 : (-origin + window.dilation - 1) / window.dilation;
  std::int64_t last = origin >= size ? 0 : (size - origin + window.dilation - 1) / window.dilation;
  return {first, std::min(last, window.kernel), origin};
}

// Up to three spatial axes as exactly three, depth, height and width, so that the loops are written once: axes in
// front are of size 1 with a window of 1.
struct Windows3 {
  std::array<Window, 3> axes;
  std::array<std::int64_t, 3> in{1, 1, 1}, out{1, 1, 1};
};
Result<Windows3> windows3(const Windows& windows, DimsView spatial);

}  // namespace modelctl::ops
