// A window that slides over an NHWC image: what convolutions and pools share. One spatial dimension is an image of
// height 1.
#pragma once

#include "kernels/bind/operands.hpp"

namespace modelctl::kernels {

struct Axis {
  std::int64_t in = 1;
  std::int64_t out = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t begin = 0;  // padding before and after
  std::int64_t end = 0;

  std::int64_t reach() const { return dilation * (kernel - 1) + 1; }
  // Where tap `tap` of output `o` lies; outside [0, in) it is padding.
  std::int64_t at(std::int64_t o, std::int64_t tap) const { return o * stride - begin + tap * dilation; }
};

struct Window {
  std::int64_t batch = 1;
  std::int64_t channels = 1;  // of the input
  std::int64_t channels_out = 1;
  Axis y, x;

  bool padded() const { return y.begin || y.end || x.begin || x.end; }
};

// Reads X [N,H,W,C] or [N,W,C] and Y against the attributes kernel_shape (required), strides, dilations (1) and pads
// (0: all begins, then all ends, as ONNX has them). Y's sizes must be those that follow from them; with `ceil_mode`
// rounded up.
Result<Window> read_window(const Operands& operands, const BindCall& call, bool ceil_mode = false);

// The outputs [begin, end) of an axis for which `tap` lies inside the input.
struct Range {
  std::int64_t begin, end;
};
Range inside(const Axis& axis, std::int64_t tap);

}  // namespace modelctl::kernels
