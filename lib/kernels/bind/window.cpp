// Reads and checks the attributes of convolutions and pools.
#include "kernels/bind/window.hpp"

#include <algorithm>

namespace modelctl::kernels {

Result<Window> read_window(const Operands& operands, const BindCall& call, bool ceil_mode) {
  const TensorView &input = call.inputs[0], &output = call.outputs[0];
  if (input.rank() < 3 || input.rank() > 4) return operands.refuse("X is neither [N,W,C] nor [N,H,W,C]");
  if (output.rank() != input.rank()) return operands.refuse("X and Y differ in rank");
  const std::size_t axes = input.rank() - 2;
  // A pad reaches at most as far as the largest input.
  const auto kernel = TRY(operands.integers("kernel_shape", axes, 0, 1, 1 << 16));
  const auto strides = TRY(operands.integers("strides", axes, 1, 1, 1 << 20));
  const auto dilations = TRY(operands.integers("dilations", axes, 1, 1, 1 << 20));
  const auto pads = TRY(operands.integers("pads", 2 * axes, 0, 0, 1 << 20));

  Window window;
  window.batch = input.dim(0);
  window.channels = input.dims.back();
  window.channels_out = output.dims.back();
  if (output.dim(0) != window.batch) return operands.refuse("X and Y differ in batch size");
  for (std::size_t i = 0; i < axes; ++i) {
    Axis& axis = i + 1 == axes ? window.x : window.y;
    if (kernel[i] < 1) return operands.refuse("attribute 'kernel_shape' is missing");
    axis = {input.dim(1 + i), output.dim(1 + i), kernel[i], strides[i], dilations[i], pads[i], pads[axes + i]};
    const std::int64_t slack = axis.in + axis.begin + axis.end - axis.reach();
    if (slack < 0) {
      return operands.refuse("a window of " + std::to_string(axis.reach()) + " does not fit " +
                             std::to_string(axis.in + axis.begin + axis.end) + ", the padded size of axis " +
                             std::to_string(i + 2));
    }
    std::int64_t expected = (ceil_mode ? ceil_div(slack, axis.stride) : slack / axis.stride) + 1;
    // A window that would start in the padding after the input does not count.
    if (ceil_mode && expected > 0 && (expected - 1) * axis.stride >= axis.in + axis.begin) --expected;
    if (axis.out != expected) {
      return operands.refuse("Y has the size " + std::to_string(axis.out) + " in axis " + std::to_string(i) + ", not " +
                             std::to_string(expected));
    }
  }
  return window;
}

Range inside(const Axis& axis, std::int64_t tap) {
  // 0 <= o * stride + offset < in
  const std::int64_t offset = tap * axis.dilation - axis.begin;
  const std::int64_t begin = offset >= 0 ? 0 : ceil_div(-offset, axis.stride);
  const std::int64_t end = axis.in - offset <= 0 ? 0 : ceil_div(axis.in - offset, axis.stride);
  return {std::min(begin, axis.out), std::min(end, axis.out)};
}

}  // namespace modelctl::kernels
