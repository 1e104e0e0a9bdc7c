// The convolution of 8-bit integers: windows are gathered into rows of a matrix product, a few at a time, so that the
// whole im2col matrix never exists.
#include "kernels/integer_conv.hpp"

#include "base/check.hpp"
#include "kernels/bind/window.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kernels {
namespace {

class IntegerConv final : public Bound {
 public:
  IntegerConv(const ByteSimd& simd, ByteProduct product, Window window, std::int64_t group)
      : simd_(simd), product_(product), window_(window), group_(group) {
    depth_ = window.channels / group;
    pixels_ = window.y.out * window.x.out;
    rows_ = std::max<std::int64_t>(std::min(ByteRows::capacity(simd, product.k), pixels_), 1);
    blocks_ = ceil_div(pixels_, rows_);
  }

  // The image, channels last.
  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(window_.batch * window_.y.in * window_.x.in * window_.channels);
  }

  void run(const RunCall& call) const override {
    const ByteProduct product = at_run(product_, call);
    // Padding is the zero point as it stands in the image.
    const auto padding = static_cast<std::uint8_t>(product.zero ^ product.flip);
    const auto* x = static_cast<const std::uint8_t*>(call.inputs[0]);
    auto* image = reinterpret_cast<std::uint8_t*>(call.scratch);
    const std::int64_t plane = window_.y.in * window_.x.in;
    call.workers.for_each_tile(window_.batch * window_.y.in, [&](std::int64_t line) {
      const std::int64_t n = line / window_.y.in, y = line % window_.y.in;
      const std::uint8_t* from = x + n * window_.channels * plane + y * window_.x.in;
      std::uint8_t* to = image + line * window_.x.in * window_.channels;
      for (std::int64_t c = 0; c < window_.channels; ++c) {
        for (std::int64_t at = 0; at < window_.x.in; ++at) to[at * window_.channels + c] = from[c * plane + at];
      }
    });
    const std::int64_t columns = product.n, panels = ceil_div(columns, byte_columns);
    const std::int64_t group_bytes = byte_panels_size(product.k, columns);
    const std::size_t element = product.factors == nullptr ? sizeof(std::int32_t) : 1;
    call.workers.for_each_tile(window_.batch * group_ * blocks_, [&](std::int64_t index) {
      const std::int64_t block = index % blocks_, g = index / blocks_ % group_, n = index / blocks_ / group_;
      ByteProduct part = product;
      part.panels += g * group_bytes;
      part.columns += g * columns;
      if (part.factors != nullptr) part.factors += g * columns;
      ByteRows rows(simd_, product.k);
      const std::int64_t begin = block * rows_, end = std::min(begin + rows_, pixels_);
      const std::uint8_t* from = image + n * plane * window_.channels + g * depth_;
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        std::uint8_t row[longest_byte_sum];
        rows.add(part, gather(from, pixel, padding, row));
      }
      void* out = static_cast<std::byte*>(call.outputs[0]) +
                  static_cast<std::size_t>((n * group_ + g) * columns * pixels_ + begin) * element;
      rows.multiply(part, 0, panels, out, 1, pixels_);
    });
  }

 private:
  // The window of an output pixel, tap by tap the channels of the group: in place if it is one run, else in `row`.
  const std::uint8_t* gather(const std::uint8_t* image, std::int64_t pixel, std::uint8_t padding,
                             std::uint8_t* row) const {
    const Axis &ys = window_.y, &xs = window_.x;
    const std::int64_t oy = pixel / xs.out, ox = pixel % xs.out;
    const bool joined = xs.dilation == 1 && depth_ == window_.channels;
    const std::int64_t first = xs.at(ox, 0);
    const bool inside = first >= 0 && xs.at(ox, xs.kernel - 1) < xs.in;
    const std::int64_t top = ys.at(oy, 0);
    if (ys.kernel == 1 && joined && inside && top >= 0 && top < ys.in) {
      return image + (top * xs.in + first) * window_.channels;
    }
    std::uint8_t* to = row;
    for (std::int64_t ky = 0; ky < ys.kernel; ++ky) {
      const std::int64_t y = ys.at(oy, ky);
      const std::int64_t run = xs.kernel * depth_;
      if (y < 0 || y >= ys.in) {
        std::memset(to, padding, static_cast<std::size_t>(run));
      } else if (joined && inside) {
        std::memcpy(to, image + (y * xs.in + first) * window_.channels, static_cast<std::size_t>(run));
      } else {
        for (std::int64_t kx = 0; kx < xs.kernel; ++kx) {
          const std::int64_t x = xs.at(ox, kx);
          if (x < 0 || x >= xs.in) std::memset(to + kx * depth_, padding, static_cast<std::size_t>(depth_));
          else std::copy_n(image + (y * xs.in + x) * window_.channels, depth_, to + kx * depth_);
        }
      }
      to += run;
    }
    return row;
  }

  const ByteSimd& simd_;
  ByteProduct product_;
  Window window_;
  std::int64_t group_, depth_, pixels_, rows_, blocks_;
};

// Channels last, as read_window() takes them.
Dims turned(DimsView dims) {
  Dims all(dims.begin(), dims.end());
  if (all.size() > 1) std::rotate(all.begin() + 1, all.begin() + 2, all.end());
  return all;
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("integer_conv", call);
  if (call.inputs.size() < 3 || call.inputs.size() > 5 || call.outputs.size() != 1) {
    return operands.refuse("it takes 3 to 5 inputs and gives 1 output");
  }
  const Dims x_dims = turned(call.inputs[0].dims), y_dims = turned(call.outputs[0].dims);
  const TensorView x{call.inputs[0].type, x_dims, nullptr}, y{call.outputs[0].type, y_dims, nullptr};
  const Window window = TRY(read_window(operands, {call.attributes, {&x, 1}, {&y, 1}, call.cpu}));
  const std::int64_t group = TRY(operands.integer("group", 1));
  if (group < 1 || window.channels % group != 0 || window.channels_out % group != 0) {
    return operands.refuse("the groups do not divide the channels");
  }
  const std::int64_t taps = window.y.kernel * window.x.kernel, depth = window.channels / group;
  if (depth > longest_byte_sum || taps > longest_byte_sum || depth * taps > longest_byte_sum) {
    return operands.refuse("a window has too many values");
  }
  ByteProduct product = TRY(read_byte_product(operands, call, depth * taps, window.channels_out / group, group));
  return std::make_unique<IntegerConv>(byte_simd(call.cpu), product, window, group);
}

constexpr KernelDef table[] = {{"integer_conv", bind}};

}  // namespace

PackedBytes pack_conv_bytes(const TensorView& w, std::int64_t group, const TensorView& zeros, const TensorView& bias) {
  MODELCTL_CHECK(w.rank() == 3 || w.rank() == 4, "a convolution has one or two spatial axes");
  const std::int64_t maps = w.dim(0) / group, channels = w.dim(1);
  const std::int64_t taps = w.dim(2) * (w.rank() == 4 ? w.dim(3) : 1), k = channels * taps;
  PackedBytes all{Tensor(DType::i8, {group * byte_panels_size(k, maps)}), Tensor(DType::i32, {3, w.dim(0)})};
  auto* panels = all.panels.mutable_view().as<std::int8_t>().data();
  auto* columns = all.columns.mutable_view().as<std::int32_t>().data();
  std::vector<std::uint8_t> turned(static_cast<std::size_t>(maps * k));
  const Dims sizes{maps, k}, one{maps};
  for (std::int64_t g = 0; g < group; ++g) {
    // Channels last, as the windows are gathered.
    const auto* from = static_cast<const std::uint8_t*>(w.data) + g * maps * k;
    for (std::int64_t m = 0; m < maps; ++m) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          turned[static_cast<std::size_t>(m * k + tap * channels + c)] = from[m * k + c * taps + tap];
        }
      }
    }
    const auto part = [&](const TensorView& view, std::size_t width) {
      if (!view.present() || view.elements() == 1) return view;
      return TensorView{view.type, one,
                        static_cast<const std::byte*>(view.data) + static_cast<std::size_t>(g * maps) * width};
    };
    const PackedBytes packed =
        pack_bytes({w.type, sizes, turned.data()}, k, maps, 1, k, part(zeros, 1), part(bias, sizeof(std::int32_t)));
    std::copy_n(packed.panels.as<std::int8_t>().data(), packed.panels.elements(),
                panels + g * packed.panels.elements());
    for (std::int64_t row = 0; row < 3; ++row) {
      std::copy_n(packed.columns.as<std::int32_t>().data() + row * maps, maps, columns + row * w.dim(0) + g * maps);
    }
  }
  return all;
}

std::span<const KernelDef> integer_conv_kernels() { return table; }

}  // namespace modelctl::kernels
