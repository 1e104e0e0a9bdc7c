// Pools on channels-last images: a vector holds channels, and a window is a list of stretches of rows to fold. Padding
// is never read.
#include "kernels/pool.hpp"

#include "kernels/bind/window.hpp"

#include <algorithm>
#include <array>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t largest_rows = 512;  // of a window
constexpr std::int64_t block_values = 1 << 16;

class Pool final : public Bound {
 public:
  enum class Kind { max, average, average_with_padding };
  Pool(const Simd& simd, const Window& window, Kind kind) : simd_(simd), window_(window), kind_(kind) {
    const std::int64_t values = window.x.out * window.y.kernel * window.x.kernel * window.channels;
    rows_ = std::clamp<std::int64_t>(block_values / std::max<std::int64_t>(values, 1), 1,
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
  // The taps of output `o` that lie in [0, in + pad).
  static Range taps(const Axis& axis, std::int64_t o, std::int64_t before, std::int64_t after) {
    const std::int64_t start = o * axis.stride - axis.begin;
    const std::int64_t begin = start >= -before ? 0 : ceil_div(-before - start, axis.dilation);
    const std::int64_t left = axis.in + after - start;
    const std::int64_t end = left <= 0 ? 0 : std::min(axis.kernel, ceil_div(left, axis.dilation));
    return {std::min(begin, end), end};
  }

  void run_row(const RunCall& call, std::int64_t image, std::int64_t row) const {
    const Window& w = window_;
    const auto* in = static_cast<const float*>(call.inputs[0]) + image * w.y.in * w.x.in * w.channels;
    auto* out = static_cast<float*>(call.outputs[0]) + (image * w.y.out + row) * w.x.out * w.channels;
    const Range ys = taps(w.y, row, 0, 0), padded_ys = taps(w.y, row, w.y.begin, w.y.end);
    std::array<Stretch, largest_rows> stretches;
    for (std::int64_t column = 0; column < w.x.out; ++column, out += w.channels) {
      const Range xs = taps(w.x, column, 0, 0);
      const std::int64_t across = xs.end - xs.begin;
      std::size_t count = 0;
      for (std::int64_t ky = ys.begin; ky < ys.end && across > 0; ++ky) {
        stretches[count++] = {in + (w.y.at(row, ky) * w.x.in + w.x.at(column, xs.begin)) * w.channels, across};
      }
      const std::int64_t step = w.x.dilation * w.channels;
      if (kind_ == Kind::max) {
        simd_.largest_row(stretches.data(), static_cast<std::int64_t>(count), step, out, w.channels);
        continue;
      }
      std::int64_t size = (ys.end - ys.begin) * across;
      if (kind_ == Kind::average_with_padding) {
        const Range padded_xs = taps(w.x, column, w.x.begin, w.x.end);
        size = (padded_ys.end - padded_ys.begin) * (padded_xs.end - padded_xs.begin);
      }
      simd_.sum_of_rows(stretches.data(), static_cast<std::int64_t>(count), step, 1.0f / static_cast<float>(size), out,
                        w.channels);
    }
  }

  const Simd& simd_;
  Window window_;
  Kind kind_;
  std::int64_t rows_ = 1;  // per block
};

Result<std::unique_ptr<Bound>> bind_pool(const Operands& operands, const BindCall& call, bool average) {
  TRY(operands.floats(1, 1));
  const bool ceil_mode = TRY(operands.integer("ceil_mode", 0)) != 0;
  const bool with_padding = TRY(operands.integer("count_include_pad", 0)) != 0;
  const Window window = TRY(read_window(operands, call, ceil_mode));
  if (window.channels_out != window.channels) return operands.refuse("X and Y differ in channels");
  if (window.y.kernel > largest_rows) {
    return operands.refuse("its window has more than " + std::to_string(largest_rows) + " rows");
  }
  const auto kind = !average ? Pool::Kind::max : with_padding ? Pool::Kind::average_with_padding : Pool::Kind::average;
  return std::make_unique<Pool>(simd(call.cpu.isa), window, kind);
}

Result<std::unique_ptr<Bound>> bind_max(const BindCall& call) {
  return bind_pool(Operands("max_pool_nhwc_f32", call), call, false);
}
Result<std::unique_ptr<Bound>> bind_average(const BindCall& call) {
  return bind_pool(Operands("average_pool_nhwc_f32", call), call, true);
}

class GlobalAverage final : public Bound {
 public:
  GlobalAverage(const Simd& simd, std::int64_t batch, std::int64_t pixels, std::int64_t channels)
      : simd_(simd), batch_(batch), pixels_(pixels), channels_(channels) {}

  void run(const RunCall& call) const override {
    const std::int64_t stretches = ceil_div(channels_, stretch);
    call.workers.for_each_tile(batch_ * stretches, [&](std::int64_t index) {
      const std::int64_t image = index / stretches, channel = index % stretches * stretch;
      const Stretch all{static_cast<const float*>(call.inputs[0]) + image * pixels_ * channels_ + channel, pixels_};
      simd_.sum_of_rows(&all, 1, channels_, 1.0f / static_cast<float>(pixels_),
                        static_cast<float*>(call.outputs[0]) + image * channels_ + channel,
                        std::min(stretch, channels_ - channel));
    });
  }

 private:
  static constexpr std::int64_t stretch = 128;  // channels per tile
  const Simd& simd_;
  std::int64_t batch_, pixels_, channels_;
};

Result<std::unique_ptr<Bound>> bind_global(const BindCall& call) {
  const Operands operands("global_average_pool_nhwc_f32", call);
  TRY(operands.floats(1, 1));
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  if (x.rank() < 2) return operands.refuse("X is not [N,...,C]");
  const std::int64_t batch = x.dim(0), channels = x.dims.back();
  Dims expected(y.rank() == x.rank() ? x.rank() : 2, 1);
  expected.front() = batch;
  expected.back() = channels;
  TRY(operands.dims("Y", y, expected));
  const auto pixels = element_count(x.dims.subspan(1, x.rank() - 2));
  if (!pixels || *pixels >= largest_size) return operands.refuse("X has too many pixels");
  return std::make_unique<GlobalAverage>(simd(call.cpu.isa), batch, *pixels, channels);
}

constexpr KernelDef table[] = {
    {"average_pool_nhwc_f32", bind_average},
    {"global_average_pool_nhwc_f32", bind_global},
    {"max_pool_nhwc_f32", bind_max},
};

}  // namespace

std::span<const KernelDef> pool_kernels() { return table; }

}  // namespace modelctl::kernels
