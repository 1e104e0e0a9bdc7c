// Attributes and sizes of transposed convolutions, after ONNX's specification of ConvTranspose.
#include "ops/reference/convolve_transposed.hpp"

namespace modelctl::ops {

Result<TransposedWindows> read_transposed_windows(const Attributes& attributes, DimsView kernel, std::size_t axes) {
  TransposedWindows all{TRY(read_windows(attributes, kernel, axes)), attributes.integers("output_padding"),
                        attributes.integers("output_shape")};
  if (all.output_padding.empty()) all.output_padding.assign(axes, 0);
  if (all.output_padding.size() != axes) return refuse("output_padding must have one number for each axis");
  // Exporters also write all dimensions, batch and channels included.
  if (all.output_shape.size() == axes + 2) {
    all.output_shape.erase(all.output_shape.begin(), all.output_shape.begin() + 2);
  }
  if (!all.output_shape.empty() && all.output_shape.size() != axes) {
    return refuse("output_shape must have one number for each axis");
  }
  for (const Dims* list : {&all.output_padding, &all.output_shape}) {
    for (std::int64_t number : *list) {
      if (number < 0 || number >= std::int64_t{1} << 31)
        return refuse("output_padding and output_shape are out of range");
    }
  }
  return all;
}

Result<Spread> spread(const TransposedWindows& transposed, std::size_t axis, std::int64_t in) {
  const Window& window = transposed.windows.axes[axis];
  const AutoPad auto_pad = transposed.windows.auto_pad;
  // Without padding. An empty axis has a stride less than one of a single element, as the formula says and as inference
  // has it for a symbolic axis; what is negative then, or taken away by padding, is refused.
  std::int64_t full =
      TRY(checked_add(TRY(checked_multiply(in - 1, window.stride)), window.reach() + transposed.output_padding[axis]));
  bool same = auto_pad == AutoPad::same_upper || auto_pad == AutoPad::same_lower;
  if (transposed.output_shape.empty() && !same) {
    if (full < window.begin + window.end) return refuse("the padding leaves nothing of the output");
    return Spread{full - window.begin - window.end, window.begin};
  }
  std::int64_t size = same && transposed.output_shape.empty() ? TRY(checked_multiply(in, window.stride))
                                                              : transposed.output_shape[axis];
  std::int64_t total = std::max(full - size, std::int64_t{0});
  return Spread{size, auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2};
}

Result<TransposedConvolution> transposed_convolution_of(const Attributes& attributes, std::int64_t batch,
                                                        std::int64_t channels, DimsView spatial, DimsView w) {
  const std::size_t axes = spatial.size();
  if (w.size() != axes + 2 || axes > 3) return refuse("X and W must have the same rank, 3 to 5");
  TransposedWindows windows = TRY(read_transposed_windows(attributes, w.subspan(2), axes));
  TransposedConvolution conv{batch, channels, attributes.integer("group", 1), w[1]};
  if (conv.group < 1 || w[0] != channels || channels % conv.group != 0) {
    return refuse("X has " + std::to_string(channels) + " channels, W takes " + std::to_string(w[0]) + " in " +
                  std::to_string(conv.group) + " groups");
  }
  TRY(checked_multiply(conv.maps, conv.group));
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::size_t at = 3 - axes + axis;
    const Window& window = windows.windows.axes[axis];
    if (window.kernel != w[axis + 2]) return refuse("kernel_shape is not W's");
    const Spread along = TRY(spread(windows, axis, spatial[axis]));
    conv.in[at] = spatial[axis];
    conv.out[at] = along.size;
    conv.begin[at] = along.begin;
    conv.kernel[at] = window.kernel;
    conv.stride[at] = window.stride;
    conv.dilation[at] = window.dilation;
    conv.spatial.push_back(along.size);
  }
  return conv;
}

}  // namespace modelctl::ops
