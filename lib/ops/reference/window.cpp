// The sizes of windows, as the specification of Conv and MaxPool computes them. Numbers are below 2^31 once read, so
// that products of two of them fit.
#include "ops/reference/window.hpp"

namespace modelctl::ops {
namespace {

Result<void> check_list(const std::vector<std::int64_t>& list, std::string_view name, std::size_t length,
                        std::int64_t least) {
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (!list.empty() && list.size() != length) {
    return refuse(std::string(name) + " must have " + std::to_string(length) + " numbers, not " +
                  std::to_string(list.size()));
  }
  for (std::int64_t number : list) {
    if (number < least || number >= most) { return refuse(std::string(name) + " cannot be " + std::to_string(number)); }
  }
  return {};
}

}  // namespace

Result<Windows> read_windows(const Attributes& attributes, DimsView kernel, std::size_t axes) {
  const auto& shape = attributes.integers("kernel_shape");
  const auto& strides = attributes.integers("strides");
  const auto& dilations = attributes.integers("dilations");
  const auto& pads = attributes.integers("pads");
  Dims sizes = shape.empty() ? Dims(kernel.begin(), kernel.end()) : Dims(shape.begin(), shape.end());
  if (sizes.size() != axes) return refuse("the kernel must have " + std::to_string(axes) + " sizes");
  TRY(check_list(sizes, "kernel_shape", axes, 1));
  TRY(check_list(strides, "strides", axes, 1));
  TRY(check_list(dilations, "dilations", axes, 1));
  TRY(check_list(pads, "pads", 2 * axes, 0));
  Windows windows;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    Window window;
    window.kernel = sizes[axis];
    if (!strides.empty()) window.stride = strides[axis];
    if (!dilations.empty()) window.dilation = dilations[axis];
    if (!pads.empty()) {
      window.begin = pads[axis];
      window.end = pads[axes + axis];
    }
    windows.axes.push_back(window);
  }
  windows.auto_pad = choice_of<AutoPad>(attributes, "auto_pad", auto_pads);
  if (windows.auto_pad != AutoPad::none) {
    for (Window& window : windows.axes) window.begin = window.end = 0;
  }
  windows.ceil = attributes.integer("ceil_mode") != 0;
  return windows;
}

// SAME paddings are defined by the count, ceil(size / stride), and not the other way round.
Result<std::int64_t> window_count(const Windows& windows, std::size_t axis, std::int64_t size) {
  const Window& window = windows.axes[axis];
  if (windows.auto_pad == AutoPad::same_upper || windows.auto_pad == AutoPad::same_lower) {
    return (size + window.stride - 1) / window.stride;
  }
  std::int64_t padded = TRY(checked_add(size, window.begin + window.end));
  std::int64_t slack = padded - window.reach();
  if (slack < 0) {
    return refuse("a window of " + std::to_string(window.reach()) + " does not fit " + std::to_string(padded) +
                  ", the padded size of axis " + std::to_string(axis + 2));
  }
  if (!windows.ceil) return slack / window.stride + 1;
  // The last window must not start beyond the input and its first padding.
  std::int64_t places = (slack + window.stride - 1) / window.stride + 1;
  return std::min(places, (size + window.begin + window.stride - 1) / window.stride);
}

// The odd element of SAME padding goes to the end for SAME_UPPER, to the beginning for SAME_LOWER.
Window with_padding(const Windows& windows, std::size_t axis, std::int64_t size) {
  Window window = windows.axes[axis];
  if (windows.auto_pad != AutoPad::same_upper && windows.auto_pad != AutoPad::same_lower) return window;
  std::int64_t places = (size + window.stride - 1) / window.stride;
  std::int64_t total = std::max((places - 1) * window.stride + window.reach() - size, std::int64_t{0});
  window.begin = windows.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
  window.end = total - window.begin;
  return window;
}

Result<Windows3> windows3(const Windows& windows, DimsView spatial) {
  if (spatial.size() > 3) {
    return Error(Kind::unsupported, "unsupported-rank", "does not take more than three spatial axes");
  }
  Windows3 all;
  std::size_t front = 3 - spatial.size();
  for (std::size_t axis = 0; axis < spatial.size(); ++axis) {
    all.in[front + axis] = spatial[axis];
    all.out[front + axis] = TRY(window_count(windows, axis, spatial[axis]));
    all.axes[front + axis] = with_padding(windows, axis, spatial[axis]);
  }
  return all;
}

}  // namespace modelctl::ops
