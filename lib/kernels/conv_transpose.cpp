// Transposed convolution on channels-last images, phase by phase (conv_transpose.hpp). Inside a phase it is the direct
// convolution of conv.cpp with stride 1; what differs is which input a tap reads, its shift, and that consecutive
// outputs of a phase are `stride` pixels apart in Y. No two tiles write the same output, so nothing is accumulated in
// memory.
#include "kernels/conv_transpose.hpp"

#include "base/check.hpp"
#include "kernels/product/product.hpp"

#include <algorithm>
#include <array>

namespace modelctl::kernels {
namespace {

// Multiply-adds of a block of work, and bytes of input that should stay in the second-level cache meanwhile.
constexpr std::int64_t block_work = 1 << 21;
constexpr std::int64_t block_bytes = 256 * 1024;

// One axis, its taps sorted by phase. With stride 2, dilation 1, begin 1 and 4 taps, phase 0 has the taps 1 and 3 with
// the shifts 0 and -1: output 2q is the sum of input q times tap 1 and input q - 1 times tap 3. Phase 1 has the taps 0
// and 2 with the shifts 1 and 0. If stride and dilation have a common factor, some phases have no taps: their outputs
// are the bias. Where there are fewer than three, the first ones have size 1.
struct Axis {
  struct Entry {
    std::int64_t tap;
    std::int64_t shift;  // output q of the phase takes input q + shift
  };
  struct Phase {
    std::int64_t first;  // the first output of the phase
    std::vector<Entry> taps;
    std::int64_t before = 0;  // taps of the phases before
  };
  std::int64_t in = 1, out = 1, stride = 1, taps = 1;
  std::vector<Phase> phases;

  // Outputs of a phase.
  std::int64_t count(const Phase& phase) const { return phase.first >= out ? 0 : (out - phase.first - 1) / stride + 1; }
};

std::vector<Axis::Phase> phases_of(const TransposedAxis& axis) {
  std::vector<Axis::Phase> phases(static_cast<std::size_t>(axis.stride));
  for (std::size_t p = 0; p < phases.size(); ++p) phases[p].first = static_cast<std::int64_t>(p);
  for (std::int64_t tap = 0; tap < axis.kernel; ++tap) {
    // o = i * stride + offset; of the phase o mod stride, output q is at q * stride + phase.
    const std::int64_t offset = tap * axis.dilation - axis.begin;
    const std::int64_t phase = (offset % axis.stride + axis.stride) % axis.stride;
    phases[static_cast<std::size_t>(phase)].taps.push_back({tap, (phase - offset) / axis.stride});
  }
  std::int64_t before = 0;
  for (Axis::Phase& phase : phases) {
    phase.before = before;
    before += static_cast<std::int64_t>(phase.taps.size());
  }
  return phases;
}

struct Shape {
  std::int64_t batch = 1, channels = 1, channels_out = 1, group = 1;
  std::array<Axis, 3> axes;

  std::int64_t depth() const { return channels / group; }
  std::int64_t columns() const { return channels_out / group; }
  std::int64_t panels() const { return ceil_div(columns(), panel_columns); }
  std::int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
  std::int64_t weights() const { return group * taps() * panels() * depth() * panel_columns; }
  // One filter for each channel: a vector then holds channels, as in depthwise_conv.cpp.
  bool depthwise() const { return group > 1 && group == channels && group == channels_out; }
  // The taps of all phases before this one, of one panel or of one channel.
  std::int64_t taps_before(const Axis::Phase& d, const Axis::Phase& h, const Axis::Phase& w) const {
    const auto nd = static_cast<std::int64_t>(d.taps.size()), nh = static_cast<std::int64_t>(h.taps.size());
    return d.before * axes[1].taps * axes[2].taps + nd * (h.before * axes[2].taps + nh * w.before);
  }
  // Where the weights of a phase begin in those of its group: those of every panel of the phases before it come first.
  std::int64_t weights_before(const Axis::Phase& d, const Axis::Phase& h, const Axis::Phase& w) const {
    return taps_before(d, h, w) * panels() * depth() * panel_columns;
  }
};

class ConvTranspose final : public Bound {
 public:
  ConvTranspose(const Simd& simd, Shape shape, const Activation& activation, bool any)
      : simd_(simd),
        shape_(std::move(shape)),
        activation_(activation),
        zeros_(static_cast<std::size_t>(shape_.depth())) {
    const auto at_least_1 = [](std::int64_t value) { return std::max<std::int64_t>(value, 1); };
    const Axis& across = shape_.axes[2];
    // A line: the outputs of one phase in one row of the output.
    const std::int64_t line = ceil_div(across.out, across.stride), panels = at_least_1(shape_.panels());
    const std::int64_t phases = shape_.axes[0].stride * shape_.axes[1].stride * across.stride;
    const std::int64_t pixel_work = at_least_1(ceil_div(shape_.taps(), phases) * shape_.depth() * panel_columns);
    const std::int64_t fit = block_bytes / (at_least_1(shape_.depth()) * 4) / simd.max_rows * simd.max_rows;
    pixels_ = std::clamp<std::int64_t>(fit, simd.max_rows, std::max<std::int64_t>(line, simd.max_rows));
    const std::int64_t wide = simd.wide_panels;
    panels_ = ceil_div(at_least_1(block_work / (pixel_work * std::min(pixels_, at_least_1(line)))), wide) * wide;
    panels_ = std::min(panels_, panels);
    line_blocks_ = ceil_div(line, pixels_);
    panel_blocks_ = ceil_div(shape_.panels(), panels_);
    if (any) lines_ = shape_.batch * shape_.group * shape_.axes[0].out * shape_.axes[1].out * across.stride;
    // Short lines go several at a time.
    const std::int64_t work = pixel_work * panels_ * std::min(pixels_, at_least_1(line));
    lines_per_block_ = line_blocks_ * panel_blocks_ > 1 ? 1 : at_least_1(block_work / work);
  }

  void run(const RunCall& call) const override {
    const std::int64_t per_line = line_blocks_ * panel_blocks_;
    call.workers.for_each_tile(ceil_div(lines_, lines_per_block_) * per_line, [&](std::int64_t index) {
      const std::int64_t part = index % per_line, first = index / per_line * lines_per_block_;
      const std::int64_t end = std::min(first + lines_per_block_, lines_);
      for (std::int64_t line = first; line < end; ++line) {
        run_line(call, line, part / panel_blocks_ * pixels_, part % panel_blocks_ * panels_);
      }
    });
  }

 private:
  void run_line(const RunCall& call, std::int64_t line, std::int64_t first_pixel, std::int64_t first_panel) const {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const auto& [deep, down, across] = shape_.axes;
    const Axis::Phase& w = across.phases[static_cast<std::size_t>(line % across.stride)];
    line /= across.stride;
    const std::int64_t oh = line % down.out, od = line / down.out % deep.out;
    line /= down.out * deep.out;
    const std::int64_t group = line % shape_.group, image = line / shape_.group;
    const Axis::Phase& h = down.phases[static_cast<std::size_t>(oh % down.stride)];
    const Axis::Phase& d = deep.phases[static_cast<std::size_t>(od % deep.stride)];
    const std::int64_t end_pixel = std::min(first_pixel + pixels_, across.count(w));
    if (first_pixel >= end_pixel) return;
    const std::int64_t end_panel = std::min(first_panel + panels_, shape_.panels());

    // The row of the input that each row of taps reads; null if it lies outside.
    const std::int64_t row_step = across.in * shape_.channels;
    const float* in = input(0) + image * deep.in * down.in * row_step + group * shape_.depth();
    std::array<Segment, largest_phase> segments;
    std::array<const float*, largest_phase> rows;
    std::size_t count = 0;
    for (const Axis::Entry& td : d.taps) {
      const std::int64_t id = od / deep.stride + td.shift;
      for (const Axis::Entry& th : h.taps) {
        const std::int64_t ih = oh / down.stride + th.shift;
        const bool inside = id >= 0 && id < deep.in && ih >= 0 && ih < down.in;
        for (std::size_t i = 0; i < w.taps.size(); ++i) {
          rows[count++] = inside ? in + (id * down.in + ih) * row_step : nullptr;
        }
      }
    }

    Tile tile{};
    tile.segments = segments.data();
    tile.segment_count = static_cast<std::int64_t>(count);
    tile.depth = shape_.depth();
    std::array<std::int64_t, Simd::row_limit> offsets;
    for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::int64_t>(i) * shape_.channels;
    tile.row_offsets = offsets.data();
    tile.zeros = zeros_.data();
    tile.panel_step = static_cast<std::int64_t>(count) * shape_.depth() * panel_columns;
    tile.out_step = across.stride * shape_.channels_out;
    tile.residual_step = tile.out_step;
    tile.low = activation_.low;
    tile.high = activation_.high;
    const float* weights = input(1) + group * (shape_.weights() / shape_.group) + shape_.weights_before(d, h, w);
    const std::int64_t first_out =
        (((image * deep.out + od) * down.out + oh) * across.out + w.first) * shape_.channels_out +
        group * shape_.columns();
    const float* bias = input(2) ? input(2) + group * shape_.columns() : nullptr;

    const std::int64_t chunks = ceil_div(end_pixel - first_pixel, simd_.max_rows);
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::int64_t begin = first_pixel + (end_pixel - first_pixel) * chunk / chunks;
      const std::int64_t end = first_pixel + (end_pixel - first_pixel) * (chunk + 1) / chunks;
      for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t at = begin + w.taps[i % w.taps.size()].shift;
        segments[i] = {rows[i] == nullptr ? in : rows[i] + at * shape_.channels,
                       rows[i] == nullptr ? 0 : bits_inside(at, end - begin, across.in)};
      }
      for (std::int64_t panel = first_panel; panel < end_panel;) {
        const std::int64_t width = end_panel - panel >= simd_.wide_panels ? simd_.wide_panels : 1;
        const std::int64_t column = panel * panel_columns;
        tile.panels = weights + panel * tile.panel_step;
        tile.columns = std::min(width * panel_columns, shape_.columns() - column);
        tile.bias = bias ? bias + column : nullptr;
        const std::int64_t at = first_out + begin * tile.out_step + column;
        tile.out = static_cast<float*>(call.outputs[0]) + at;
        tile.residual = input(3) ? input(3) + at : nullptr;
        simd_.tile[end - begin][width == simd_.wide_panels](tile);
        if (activation_.after != Unary::copy) {
          simd_.unary(activation_.after, activation_.alpha, activation_.beta, tile.out, tile.out_step, tile.out,
                      tile.out_step, end - begin, tile.columns);
        }
        panel += width;
      }
    }
  }

  // Bit i: element at + i lies in [0, size).
  static std::uint32_t bits_inside(std::int64_t at, std::int64_t count, std::int64_t size) {
    const std::int64_t first = std::clamp<std::int64_t>(-at, 0, count);
    const std::int64_t last = std::clamp<std::int64_t>(size - at, first, count);
    return ((1u << last) - 1) & ~((1u << first) - 1);
  }

  const Simd& simd_;
  Shape shape_;
  Activation activation_;
  std::vector<float> zeros_;  // what a tap reads outside the input
  std::int64_t lines_ = 0;
  std::int64_t pixels_ = 1, panels_ = 1;  // per block
  std::int64_t line_blocks_ = 1, panel_blocks_ = 1, lines_per_block_ = 1;
};

// One filter for each channel, as bilinear upsampling in segmentation networks has it. A product of matrices would fill
// one column of each panel of 16, so here a vector holds 16 channels of one pixel, as in depthwise_conv.cpp. Weights
// are [panel of 16 channels][tap, in the order of phases][16].
class DepthwiseConvTranspose final : public Bound {
 public:
  DepthwiseConvTranspose(const Simd& simd, Shape shape, const Activation& activation, bool any)
      : simd_(simd), shape_(std::move(shape)), activation_(activation) {
    const Axis& across = shape_.axes[2];
    if (any) lines_ = shape_.batch * shape_.axes[0].out * shape_.axes[1].out * across.stride;
    const std::int64_t phases = shape_.axes[0].stride * shape_.axes[1].stride * across.stride;
    const std::int64_t work =
        ceil_div(across.out, across.stride) * shape_.channels * (ceil_div(shape_.taps(), phases) + 1);
    lines_per_block_ = std::max<std::int64_t>((block_work >> 2) / std::max<std::int64_t>(work, 1), 1);
  }

  void run(const RunCall& call) const override {
    call.workers.for_each_tile(ceil_div(lines_, lines_per_block_), [&](std::int64_t index) {
      const std::int64_t end = std::min((index + 1) * lines_per_block_, lines_);
      for (std::int64_t line = index * lines_per_block_; line < end; ++line) run_line(call, line);
    });
  }

 private:
  void run_line(const RunCall& call, std::int64_t line) const {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    // Not a structured binding: clang 14 cannot capture one in a lambda, and the fuzz targets are built with it.
    const Axis &deep = shape_.axes[0], &down = shape_.axes[1], &across = shape_.axes[2];
    const std::int64_t channels = shape_.channels;
    const Axis::Phase& w = across.phases[static_cast<std::size_t>(line % across.stride)];
    line /= across.stride;
    const std::int64_t oh = line % down.out, od = line / down.out % deep.out, image = line / down.out / deep.out;
    const Axis::Phase& h = down.phases[static_cast<std::size_t>(oh % down.stride)];
    const Axis::Phase& d = deep.phases[static_cast<std::size_t>(od % deep.stride)];
    const std::int64_t pixels = across.count(w);
    const std::int64_t first_weight = shape_.taps_before(d, h, w) * panel_columns;
    const std::int64_t first_out = (((image * deep.out + od) * down.out + oh) * across.out + w.first) * channels;

    std::array<Tap, largest_phase> taps;
    // The taps of output q that lie inside the input, in rows that do.
    const auto collect = [&](std::int64_t q) {
      std::int64_t count = 0, weight = first_weight;
      for (const Axis::Entry& td : d.taps) {
        const std::int64_t id = od / deep.stride + td.shift;
        for (const Axis::Entry& th : h.taps) {
          const std::int64_t ih = oh / down.stride + th.shift;
          const bool inside = id >= 0 && id < deep.in && ih >= 0 && ih < down.in;
          for (const Axis::Entry& tw : w.taps) {
            const std::int64_t iw = q + tw.shift, at = weight;
            weight += panel_columns;
            if (!inside || iw < 0 || iw >= across.in) continue;
            const std::int64_t row = (image * deep.in + id) * down.in + ih;
            taps[static_cast<std::size_t>(count++)] = {input(0) + (row * across.in + iw) * channels, at};
          }
        }
      }
      return count;
    };
    DepthwiseTile tile{};
    tile.taps = taps.data();
    tile.row_step = channels;
    tile.panels = input(1);
    tile.panel_step = shape_.taps() * panel_columns;
    tile.out_step = across.stride * channels;
    tile.columns = channels;
    tile.bias = input(2);
    tile.low = activation_.low;
    tile.high = activation_.high;
    const auto run_pixels = [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = first_out + begin * tile.out_step;
      tile.out = static_cast<float*>(call.outputs[0]) + at;
      tile.residual = input(3) ? input(3) + at : nullptr;
      simd_.depthwise[end - begin](tile);
      if (activation_.after != Unary::copy) {
        simd_.unary(activation_.after, activation_.alpha, activation_.beta, tile.out, tile.out_step, tile.out,
                    tile.out_step, end - begin, tile.columns);
      }
    };
    // Outputs whose taps all lie inside the input go several at a time, those at the edges one by one.
    std::int64_t begin = 0, end = pixels;
    for (const Axis::Entry& tw : w.taps) {
      begin = std::max(begin, -tw.shift);
      end = std::min(end, across.in - tw.shift);
    }
    begin = std::min(begin, pixels);
    end = std::max(begin, end);
    for (std::int64_t q = 0; q < pixels; ++q) {
      if (q == begin) q = end;
      if (q >= pixels) break;
      tile.tap_count = collect(q);
      run_pixels(q, q + 1);
    }
    if (begin == end) return;
    tile.tap_count = collect(begin);
    const std::int64_t chunks = ceil_div(end - begin, simd_.depthwise_rows);
    for (std::int64_t i = 0; i < chunks; ++i) {
      const std::int64_t first = (end - begin) * i / chunks;
      tile.offset = first * channels;
      run_pixels(begin + first, begin + (end - begin) * (i + 1) / chunks);
    }
  }

  const Simd& simd_;
  Shape shape_;
  Activation activation_;
  std::int64_t lines_ = 0, lines_per_block_ = 1;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("conv_transpose_nhwc_f32", call);
  TRY(operands.floats(2, 4));
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  if (x.rank() < 3 || x.rank() > 5) return operands.refuse("X does not have one to three spatial axes");
  if (y.rank() != x.rank() || y.dim(0) != x.dim(0)) return operands.refuse("X and Y differ in rank or batch size");
  const std::size_t axes = x.rank() - 2;
  const auto kernel = TRY(operands.integers("kernel_shape", axes, 0, 1, 1 << 16));
  const auto strides = TRY(operands.integers("strides", axes, 1, 1, largest_transposed_stride));
  const auto dilations = TRY(operands.integers("dilations", axes, 1, 1, 1 << 20));
  const auto begins = TRY(operands.integers("begins", axes, 0, 0, 1 << 30));
  Shape shape;
  shape.batch = x.dim(0);
  shape.channels = x.dims.back();
  shape.channels_out = y.dims.back();
  shape.group = TRY(operands.integer("group", 1));
  if (shape.group < 1 || shape.group > largest_size || shape.channels % shape.group != 0 ||
      shape.channels_out % shape.group != 0) {
    return operands.refuse("attribute 'group' does not divide the channels");
  }
  std::vector<TransposedAxis> along;
  for (Axis& axis : shape.axes) axis.phases = phases_of({});
  for (std::size_t i = 0; i < axes; ++i) {
    if (kernel[i] < 1) return operands.refuse("attribute 'kernel_shape' is missing");
    along.push_back({kernel[i], strides[i], dilations[i], begins[i]});
    shape.axes[3 - axes + i] = {x.dim(1 + i), y.dim(1 + i), strides[i], kernel[i], phases_of(along.back())};
  }
  if (most_taps_of_a_phase(along) > largest_phase) {
    return operands.refuse("a phase has more than " + std::to_string(largest_phase) + " taps");
  }
  // Counted with care: a plan's sizes may overflow.
  const auto weights =
      shape.depthwise() ? element_count(Dims{ceil_div(shape.channels, panel_columns), shape.taps(), panel_columns})
                        : element_count(Dims{shape.group, shape.taps(), shape.panels(), shape.depth(), panel_columns});
  if (!weights) return operands.refuse("W would be too large");
  TRY(operands.dims("W", call.inputs[1], {*weights}));
  if (operands.has(2)) TRY(operands.dims("the bias", call.inputs[2], {shape.channels_out}));
  if (operands.has(3)) TRY(operands.dims("the residual", call.inputs[3], y.dims));
  const Activation activation = TRY(read_activation(operands));
  const bool any = y.elements() > 0;
  if (shape.depthwise()) {
    return std::make_unique<DepthwiseConvTranspose>(simd(call.cpu.isa), std::move(shape), activation, any);
  }
  return std::make_unique<ConvTranspose>(simd(call.cpu.isa), std::move(shape), activation, any);
}

constexpr KernelDef table[] = {{"conv_transpose_nhwc_f32", bind}};

}  // namespace

std::int64_t most_taps_of_a_phase(std::span<const TransposedAxis> axes) {
  std::int64_t most = 1;
  for (const TransposedAxis& axis : axes) {
    std::size_t along = 0;
    for (const Axis::Phase& phase : phases_of(axis)) along = std::max(along, phase.taps.size());
    most = std::min(most * static_cast<std::int64_t>(along), largest_size);
  }
  return most;
}

Tensor pack_conv_transpose_weights(const TensorView& w, std::span<const TransposedAxis> axes, std::int64_t group) {
  MODELCTL_CHECK(w.type == DType::f32 && w.rank() == axes.size() + 2 && axes.size() <= 3,
                 "packed weights are made of an f32 filter with one to three axes");
  MODELCTL_CHECK(group > 0 && w.dim(0) % group == 0, "the group divides the input channels");
  Shape shape;
  shape.channels = w.dim(0);
  shape.channels_out = w.dim(1) * group;
  shape.group = group;
  for (Axis& axis : shape.axes) axis.phases = phases_of({});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Axis& axis = shape.axes[3 - axes.size() + i];
    axis.taps = axes[i].kernel;
    axis.phases = phases_of(axes[i]);
  }
  if (shape.depthwise()) {
    const std::int64_t all = shape.taps();
    Tensor packed(DType::f32, {ceil_div(group, panel_columns) * all * panel_columns});
    auto* to = packed.mutable_view().as<float>().data();
    const auto* from = static_cast<const float*>(w.data);
    for (const Axis::Phase& pd : shape.axes[0].phases) {
      for (const Axis::Phase& ph : shape.axes[1].phases) {
        for (const Axis::Phase& pw : shape.axes[2].phases) {
          std::int64_t at = shape.taps_before(pd, ph, pw);
          for (const Axis::Entry& td : pd.taps) {
            for (const Axis::Entry& th : ph.taps) {
              for (const Axis::Entry& tw : pw.taps) {
                const std::int64_t tap = (td.tap * shape.axes[1].taps + th.tap) * shape.axes[2].taps + tw.tap;
                for (std::int64_t c = 0; c < group; ++c) {
                  to[(c / panel_columns * all + at) * panel_columns + c % panel_columns] = from[c * all + tap];
                }
                ++at;
              }
            }
          }
        }
      }
    }
    return packed;
  }
  const std::int64_t taps = shape.taps(), depth = shape.depth(), maps = shape.columns(), panels = shape.panels();
  Tensor packed(DType::f32, {shape.weights()});
  auto* to = packed.mutable_view().as<float>().data();
  const auto* from = static_cast<const float*>(w.data);
  // [group][phase][panel][tap of the phase][channel][16]; what no output channel fills stays zero.
  for (std::int64_t g = 0; g < group; ++g) {
    for (const Axis::Phase& pd : shape.axes[0].phases) {
      for (const Axis::Phase& ph : shape.axes[1].phases) {
        for (const Axis::Phase& pw : shape.axes[2].phases) {
          for (std::int64_t panel = 0; panel < panels; ++panel) {
            const std::int64_t columns = std::min(panel_columns, maps - panel * panel_columns);
            for (const Axis::Entry& td : pd.taps) {
              for (const Axis::Entry& th : ph.taps) {
                for (const Axis::Entry& tw : pw.taps) {
                  const std::int64_t tap = (td.tap * shape.axes[1].taps + th.tap) * shape.axes[2].taps + tw.tap;
                  for (std::int64_t c = 0; c < depth; ++c, to += panel_columns) {
                    const float* row = from + ((g * depth + c) * maps + panel * panel_columns) * taps + tap;
                    for (std::int64_t j = 0; j < columns; ++j) to[j] = row[j * taps];
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return packed;
}

std::span<const KernelDef> conv_transpose_kernels() { return table; }

}  // namespace modelctl::kernels
