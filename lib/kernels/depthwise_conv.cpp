// Depthwise convolution. There is no sum over channels, so a vector holds channels of one pixel, and memory bandwidth
// limits the speed: blocks are chosen so that the rows of a window stay in the first-level cache.
#include "kernels/depthwise_conv.hpp"

#include "base/check.hpp"
#include "kernels/bind/window.hpp"

#include <algorithm>
#include <array>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t largest_taps = 512;
// Multiply-adds of a block of work.
constexpr std::int64_t block_work = 1 << 19;
// Of the first-level cache.
constexpr std::int64_t cached_bytes = 24 * 1024;
constexpr std::int64_t least_channels = 8 * panel_columns;

class DepthwiseConv final : public Bound {
 public:
  DepthwiseConv(const Simd& simd, const Window& window, const Activation& activation)
      : simd_(simd), window_(window), activation_(activation) {
    const auto at_least_1 = [](std::int64_t value) { return std::max<std::int64_t>(value, 1); };
    // As many channels at once as let the rows of a window stay in the cache for the next row of output.
    const std::int64_t fit = cached_bytes / at_least_1(window.y.kernel * window.x.in * 4);
    channels_ =
        std::clamp(fit / panel_columns * panel_columns, least_channels, std::max(least_channels, window.channels));
    const std::int64_t row_work = window.x.out * channels_ * window.y.kernel * window.x.kernel;
    rows_ = std::clamp<std::int64_t>(block_work / at_least_1(row_work), 1, at_least_1(window.y.out));
  }

  void run(const RunCall& call) const override {
    const std::int64_t row_blocks = ceil_div(window_.y.out, rows_), groups = ceil_div(window_.channels, channels_);
    call.workers.for_each_tile(window_.batch * row_blocks * groups, [&](std::int64_t index) {
      const std::int64_t group = index % groups, block = index / groups % row_blocks,
                         image = index / groups / row_blocks;
      const std::int64_t end = std::min((block + 1) * rows_, window_.y.out);
      for (std::int64_t row = block * rows_; row < end; ++row) run_row(call, image, row, group * channels_);
    });
  }

 private:
  using Taps = std::array<Tap, largest_taps>;

  void run_row(const RunCall& call, std::int64_t image, std::int64_t row, std::int64_t channel) const {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const Window& w = window_;
    const float* in = input(0) + image * w.y.in * w.x.in * w.channels + channel;
    const std::int64_t out_row = (image * w.y.out + row) * w.x.out * w.channels + channel;
    Taps taps;
    DepthwiseTile tile{};
    tile.taps = taps.data();
    tile.row_step = w.x.stride * w.channels;
    tile.panel_step = w.y.kernel * w.x.kernel * panel_columns;
    tile.panels = input(1) + channel / panel_columns * tile.panel_step;
    tile.out_step = w.channels;
    tile.columns = std::min(channels_, w.channels - channel);
    tile.bias = input(2) ? input(2) + channel : nullptr;
    tile.low = activation_.low;
    tile.high = activation_.high;
    const auto run_pixels = [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = out_row + begin * w.channels;
      tile.out = static_cast<float*>(call.outputs[0]) + at;
      tile.residual = input(3) ? input(3) + at : nullptr;
      simd_.depthwise[end - begin](tile);
      if (activation_.after != Unary::copy) {
        simd_.unary(activation_.after, activation_.alpha, activation_.beta, tile.out, tile.out_step, tile.out,
                    tile.out_step, end - begin, tile.columns);
      }
    };
    // Pixels whose whole window lies inside go several at a time; those at the edges one by one, each with its own
    // taps.
    const std::int64_t begin = inside(w.x, 0).begin;
    const std::int64_t end = std::max(begin, inside(w.x, w.x.kernel - 1).end);
    const auto run_edge = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t x = from; x < to; ++x) {
        tile.tap_count = collect(in, row, x, taps);
        tile.offset = 0;
        run_pixels(x, x + 1);
      }
    };
    run_edge(0, begin);
    run_edge(end, w.x.out);
    if (begin == end) return;
    tile.tap_count = collect(in, row, begin, taps);
    const std::int64_t chunks = ceil_div(end - begin, simd_.depthwise_rows);
    for (std::int64_t i = 0; i < chunks; ++i) {
      const std::int64_t first = (end - begin) * i / chunks;
      tile.offset = first * tile.row_step;
      run_pixels(begin + first, begin + (end - begin) * (i + 1) / chunks);
    }
  }

  // The taps of one output pixel that lie inside the image.
  std::int64_t collect(const float* in, std::int64_t row, std::int64_t column, Taps& taps) const {
    const Window& w = window_;
    std::int64_t count = 0;
    for (std::int64_t ky = 0; ky < w.y.kernel; ++ky) {
      const std::int64_t y = w.y.at(row, ky);
      if (y < 0 || y >= w.y.in) continue;
      for (std::int64_t kx = 0; kx < w.x.kernel; ++kx) {
        const std::int64_t x = w.x.at(column, kx);
        if (x < 0 || x >= w.x.in) continue;
        taps[static_cast<std::size_t>(count++)] = {in + (y * w.x.in + x) * w.channels,
                                                   (ky * w.x.kernel + kx) * panel_columns};
      }
    }
    return count;
  }

  const Simd& simd_;
  Window window_;
  Activation activation_;
  std::int64_t channels_ = panel_columns;  // per block, a multiple of the panel's, except the last
  std::int64_t rows_ = 1;                  // per block
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("depthwise_conv_nhwc_f32", call);
  TRY(operands.floats(2, 4));
  const Window window = TRY(read_window(operands, call));
  if (window.channels_out != window.channels) return operands.refuse("X and Y differ in channels");
  const std::int64_t taps = window.y.kernel * window.x.kernel;
  if (taps > largest_taps) return operands.refuse("its window has more than " + std::to_string(largest_taps) + " taps");
  TRY(operands.dims("W", call.inputs[1], {ceil_div(window.channels, panel_columns) * taps * panel_columns}));
  if (operands.has(2)) TRY(operands.dims("the bias", call.inputs[2], {window.channels}));
  if (operands.has(3)) TRY(operands.dims("the residual", call.inputs[3], call.outputs[0].dims));
  const Activation activation = TRY(read_activation(operands));
  return std::make_unique<DepthwiseConv>(simd(call.cpu.isa), window, activation);
}

constexpr KernelDef table[] = {{"depthwise_conv_nhwc_f32", bind}};

}  // namespace

Tensor pack_depthwise_weights(const TensorView& w) {
  MODELCTL_CHECK(w.type == DType::f32 && (w.rank() == 3 || w.rank() == 4) && w.dim(1) == 1,
                 "depthwise weights are made of a filter of one channel each");
  const std::int64_t channels = w.dim(0), taps = w.rank() == 3 ? w.dim(2) : w.dim(2) * w.dim(3);
  Tensor packed(DType::f32, {ceil_div(channels, panel_columns) * taps * panel_columns});
  float* to = packed.mutable_view().as<float>().data();
  const auto* from = static_cast<const float*>(w.data);
  for (std::int64_t c = 0; c < channels; ++c) {
    float* column = to + c / panel_columns * taps * panel_columns + c % panel_columns;
    for (std::int64_t tap = 0; tap < taps; ++tap) column[tap * panel_columns] = from[c * taps + tap];
  }
  return packed;
}

std::span<const KernelDef> depthwise_conv_kernels() { return table; }

}  // namespace modelctl::kernels
