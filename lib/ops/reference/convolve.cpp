// Checks the operands of a convolution once, before loops that trust its sizes.
#include "ops/reference/convolve.hpp"

namespace modelctl::ops {

// Windows3 pads the spatial axes to three, so that `convolve` is written once for one to three of them.
Result<Convolution> convolution_of(const Attributes& attributes, DimsView x, DimsView w) {
  if (w.size() != x.size()) return refuse("X and W must have the same rank");
  if (x.size() < 3) return refuse("X must have rank 3 or more, not " + std::to_string(x.size()));
  Windows windows = TRY(read_windows(attributes, w.subspan(2), x.size() - 2));
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    if (windows.axes[axis].kernel != w[axis + 2]) return refuse("kernel_shape is not W's");
  }
  Convolution conv{
      TRY(windows3(windows, x.subspan(2))), x[0], attributes.integer("group", 1), w[0], w[1], {x[0], w[0]}};
  if (conv.group < 1 || conv.maps % conv.group != 0 || x[1] % conv.group != 0 || x[1] / conv.group != conv.channels) {
    return refuse("X has " + std::to_string(x[1]) + " channels, W takes " + std::to_string(conv.channels) + " in " +
                  std::to_string(conv.group) + " groups");
  }
  const std::size_t axes = windows.axes.size();
  for (std::size_t axis = 0; axis < axes; ++axis) conv.dims.push_back(conv.at.out[3 - axes + axis]);
  return conv;
}

}  // namespace modelctl::ops
