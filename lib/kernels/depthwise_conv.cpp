#include "kernels/depthwise_conv.hpp"

#include "base/check.hpp"
#include "kernels/window.hpp"

#include <algorithm>
#include <array>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t largest_taps = 512;
// Multiply-adds of a block of work.
constexpr std::int64_t block_work = 1 << 18;

class DepthwiseConv final : public Bound {
 public:
  DepthwiseConv(const Simd& simd, const Window& window, const Activation& activation)
      : simd_(simd), window_(window), activation_(activation) {
    const std::int64_t row_work = window.x.out * window.channels * window.y.kernel * window.x.kernel;
    rows_ = std::clamp<std::int64_t>(block_work / std::max<std::int64_t>(row_work, 1), 1,
                                     std::max<std::int64_t>(window.y.out, 1));
  }

  void run(const RunCall& call) const override {
    const std::int64_t blocks = ceil_div(window_.y.out, rows_);
    call.workers.for_each_tile(window_.batch * blocks, [&](std::int64_t index) {
      const std::int64_t first = index % blocks * rows_, end = std::min(first + rows_, window_.y.out);
      for (std::int64_t row = first; row < end; ++row) run_row(call, index / blocks, row);
    });
  }

 private:
  void run_row(const RunCall& call, std::int64_t image, std::int64_t row) const {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const Window& w = window_;
    const float* in = input(0) + image * w.y.in * w.x.in * w.channels;
    const std::int64_t out_row = (image * w.y.out + row) * w.x.out * w.channels;
    const std::int64_t chunks = ceil_div(w.x.out, simd_.depthwise_rows);

    std::array<Segment, largest_taps> segments;
    Tile tile{};
    tile.segments = segments.data();
    tile.row_step = w.x.stride * w.channels;
    tile.panel_step = w.y.kernel * w.x.kernel * panel_columns;
    tile.out_step = tile.residual_step = w.channels;
    tile.columns = w.channels;
    tile.bias = input(2);
    tile.low = activation_.low;
    tile.high = activation_.high;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::int64_t begin = w.x.out * chunk / chunks, end = w.x.out * (chunk + 1) / chunks;
      const auto pixels = static_cast<std::int32_t>(end - begin);
      // Rows of taps above and below the image are left out; those above are skipped in the weights.
      std::int64_t skipped = 0, count = 0;
      for (std::int64_t ky = 0; ky < w.y.kernel; ++ky) {
        const std::int64_t y = w.y.at(row, ky);
        if (y < 0 || y >= w.y.in) {
          if (count == 0) ++skipped;
          continue;
        }
        for (std::int64_t kx = 0; kx < w.x.kernel; ++kx) {
          const Range valid = inside(w.x, kx);
          segments[static_cast<std::size_t>(count++)] = {
              in + (y * w.x.in + w.x.at(begin, kx)) * w.channels,
              static_cast<std::int32_t>(std::clamp<std::int64_t>(valid.begin - begin, 0, pixels)),
              static_cast<std::int32_t>(std::clamp<std::int64_t>(valid.end - begin, 0, pixels))};
        }
      }
      tile.segment_count = count;
      tile.panels = input(1) + skipped * w.x.kernel * panel_columns;
      const std::int64_t at = out_row + begin * w.channels;
      tile.out = static_cast<float*>(call.outputs[0]) + at;
      tile.residual = input(3) ? input(3) + at : nullptr;
      simd_.depthwise[pixels](tile);
      if (activation_.after != Unary::copy) {
        simd_.unary(activation_.after, activation_.alpha, activation_.beta, tile.out, tile.out_step, tile.out,
                    tile.out_step, pixels, w.channels);
      }
    }
  }

  const Simd& simd_;
  Window window_;
  Activation activation_;
  std::int64_t rows_ = 1;  // per block
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
