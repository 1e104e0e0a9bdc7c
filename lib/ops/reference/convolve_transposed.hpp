// The transposed convolution in plain loops, over one to three spatial axes: each input element spreads the kernel over
// the output. What ONNX's ConvTranspose and modelctl's, with channels last, have in common.
#pragma once

#include "ops/reference/window.hpp"

namespace modelctl::ops {

// The attributes, checked: those of a window, and what else determines the output's sizes.
struct TransposedWindows {
  Windows windows;
  Dims output_padding, output_shape;  // output_shape is empty if padding decides
};
Result<TransposedWindows> read_transposed_windows(const Attributes& attributes, DimsView kernel, std::size_t axes);

// Along one axis: the output's size, and how far before it the first tap of the first input element stands.
struct Spread {
  std::int64_t size, begin;
};
Result<Spread> spread(const TransposedWindows& transposed, std::size_t axis, std::int64_t in);

// The sizes of one transposed convolution, checked; as Windows3, three axes, those in front of size 1.
struct TransposedConvolution {
  std::int64_t batch, channels, group, maps;  // channels: of all groups; maps: of one
  std::array<std::int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1},
      begin{0, 0, 0};
  Dims spatial;  // of the output
};
// W is [channels, maps, kernel...].
Result<TransposedConvolution> transposed_convolution_of(const Attributes& attributes, std::int64_t batch,
                                                        std::int64_t channels, DimsView spatial, DimsView w);

// Calls store(n, m, place, sum) for each output map m and place in its plane. Sums are in f64.
template <class T, class Store>
void convolve_transposed(const Call& call, const TransposedConvolution& conv, const T* x, const T* w,
                         bool channels_last, Store&& store) {
  auto number = [](T value) { return static_cast<double>(static_cast<compute_t<T>>(value)); };
  const auto& [in, out] = std::pair(conv.in, conv.out);
  const std::int64_t in_plane = in[0] * in[1] * in[2], out_plane = out[0] * out[1] * out[2];
  const std::int64_t taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2];
  const std::int64_t channel_step = channels_last ? 1 : in_plane, pixel_step = channels_last ? conv.channels : 1;
  const std::int64_t of_group = conv.channels / conv.group;
  std::vector<double> sums(static_cast<std::size_t>(out_plane));
  for (std::int64_t image = 0; image < conv.batch * conv.maps * conv.group; ++image) {
    const std::int64_t n = image / (conv.maps * conv.group), m = image % (conv.maps * conv.group), g = m / conv.maps;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t c = g * of_group; c < (g + 1) * of_group; ++c) {
      if (call.interrupted()) return;
      const T* from = x + n * conv.channels * in_plane + c * channel_step;
      const T* weights = w + (c * conv.maps + m % conv.maps) * taps;
      for (std::int64_t i = 0; i < in_plane; ++i) {
        const std::array<std::int64_t, 3> at{i / (in[1] * in[2]), i / in[2] % in[1], i % in[2]};
        for (std::int64_t k = 0; k < taps; ++k) {
          const std::array<std::int64_t, 3> tap{k / (conv.kernel[1] * conv.kernel[2]),
                                                k / conv.kernel[2] % conv.kernel[1], k % conv.kernel[2]};
          std::int64_t place = 0;
          bool inside = true;
          for (std::size_t axis = 0; axis < 3; ++axis) {
            const std::int64_t o = at[axis] * conv.stride[axis] + tap[axis] * conv.dilation[axis] - conv.begin[axis];
            inside = inside && o >= 0 && o < out[axis];
            place = place * out[axis] + o;
          }
          if (inside) sums[static_cast<std::size_t>(place)] += number(from[i * pixel_step]) * number(weights[k]);
        }
      }
    }
    for (std::int64_t place = 0; place < out_plane; ++place) store(n, m, place, sums[static_cast<std::size_t>(place)]);
  }
}

}  // namespace modelctl::ops
