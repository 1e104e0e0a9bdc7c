// The plain convolution of Conv and its quantized relatives: channels first, one to three spatial axes, in groups,
// summed in f64, which is exact for integers of 8 bits.
#pragma once

#include "ops/reference/window.hpp"

namespace modelctl::ops {

// The sizes of one convolution, checked.
struct Convolution {
  Windows3 at;
  std::int64_t batch, group, maps, channels;  // maps: W's outputs; channels: of one group
  Dims dims;                                  // of the output
};
// X [N, group * channels, ...], W [maps, channels, ...].
Result<Convolution> convolution_of(const Attributes& attributes, DimsView x, DimsView w);

// Calls store(i, map, sum) for each element of the output in order; padding adds nothing. Ends early if the call is
// interrupted.
template <class X, class W, class Store>
void convolve(const Call& call, const Convolution& conv, const X* x, const W* w, Store&& store) {
  const Windows3& at = conv.at;
  const auto& [depth, height, width] = at.axes;
  const std::int64_t plane = at.in[0] * at.in[1] * at.in[2], all = depth.kernel * height.kernel * width.kernel;
  auto number = [](auto value) {
    return static_cast<double>(static_cast<compute_t<std::remove_const_t<decltype(value)>>>(value));
  };
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < conv.batch; ++n) {
    for (std::int64_t m = 0; m < conv.maps; ++m) {
      const X* image = x + (n * conv.group + m / (conv.maps / conv.group)) * conv.channels * plane;
      const W* kernel = w + m * conv.channels * all;
      for (std::int64_t od = 0; od < at.out[0]; ++od) {
        const Taps d = taps(depth, od, at.in[0]);
        for (std::int64_t oh = 0; oh < at.out[1]; ++oh) {
          if (call.interrupted()) return;
          const Taps h = taps(height, oh, at.in[1]);
          for (std::int64_t ow = 0; ow < at.out[2]; ++ow) {
            const Taps v = taps(width, ow, at.in[2]);
            double sum = 0;
            for (std::int64_t c = 0; c < conv.channels; ++c) {
              for (std::int64_t kd = d.first; kd < d.last; ++kd) {
                for (std::int64_t kh = h.first; kh < h.last; ++kh) {
                  const X* row =
                      image + c * plane +
                      ((d.origin + kd * depth.dilation) * at.in[1] + h.origin + kh * height.dilation) * at.in[2];
                  const W* weights = kernel + c * all + (kd * height.kernel + kh) * width.kernel;
                  for (std::int64_t kw = v.first; kw < v.last; ++kw) {
                    sum += number(row[v.origin + kw * width.dilation]) * number(weights[kw]);
                  }
                }
              }
            }
            store(i++, m, sum);
          }
        }
      }
    }
  }
}

}  // namespace modelctl::ops
