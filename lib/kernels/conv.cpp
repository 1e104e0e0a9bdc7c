// Direct convolution on channels-last images. It is the matrix product of product.hpp with a row of A that is not one
// stretch of memory but several, the segments: for each row of taps of the window (or each tap, if padding cuts the
// row), the channels of the pixels under it. So nothing is copied (no im2col), and weights are packed in the same
// order, [panel][tap][channel][16]. Padding costs nothing but a bit mask: a row whose bit is 0 reads a shared row of
// zeros.
#include "kernels/conv.hpp"

#include "base/check.hpp"
#include "kernels/bind/window.hpp"
#include "kernels/product/product.hpp"

#include <algorithm>
#include <array>

namespace modelctl::kernels {
namespace {

// Below this many channels a tap is too short a sum to be worth its own set-up.
constexpr std::int64_t few_channels = 16;
// Multiply-adds of a block of work, and bytes of input that should stay in the second-level cache meanwhile.
constexpr std::int64_t block_work = 1 << 21;
constexpr std::int64_t block_bytes = 256 * 1024;

struct Shape {
  Window window;  // of what the tiles read: the padded copy if there is one
  std::int64_t group = 1;
  bool copy = false;  // into a padded image, in scratch memory
  Window source;      // of X itself
  // A tile is a stretch of `line` output pixels: of one row, or of the whole image if its rows are too short to fill
  // tiles of their own. Each line is cut into `chunks` of nearly equal width.
  std::int64_t line = 1;
  std::int64_t lines = 1;
  std::int64_t chunks = 1;
  std::int64_t tiles = 1;   // per block
  std::int64_t panels = 1;  // per block
  std::int64_t tile_blocks = 0;
  std::int64_t panel_blocks = 0;

  std::int64_t depth() const { return window.channels / group; }
  std::int64_t columns() const { return window.channels_out / group; }
  std::int64_t group_panels() const { return ceil_div(columns(), panel_columns); }
  std::int64_t panel_step() const { return window.y.kernel * window.x.kernel * depth() * panel_columns; }
  // Whether the taps of one row of the window are one stretch of memory.
  bool taps_join() const { return window.x.dilation == 1 && group == 1; }
};

class Conv final : public Bound {
 public:
  Conv(const Simd& simd, const Shape& shape, const Activation& activation)
      : simd_(simd), shape_(shape), activation_(activation) {
    for (std::int64_t tap = 0; tap < shape.window.x.kernel; ++tap) across_.push_back(inside(shape.window.x, tap));
    for (std::int64_t tap = 0; tap < shape.window.y.kernel; ++tap) down_.push_back(inside(shape.window.y, tap));
    // As many as the longest segment that may have rows outside the image.
    if (shape.window.padded()) {
      zeros_.resize(static_cast<std::size_t>(shape.depth() * (shape.taps_join() ? shape.window.x.kernel : 1)));
    }
  }

  std::size_t scratch_bytes() const override {
    const Window& w = shape_.window;
    return shape_.copy ? static_cast<std::size_t>(w.batch * w.y.in * w.x.in * w.channels) * sizeof(float) : 0;
  }

  void run(const RunCall& call) const override {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const float* x = input(0);
    if (shape_.copy) {
      auto* padded = reinterpret_cast<float*>(call.scratch);
      call.workers.for_each_tile(shape_.window.batch * shape_.window.y.in,
                                 [&](std::int64_t row) { copy_row(x, padded, row); });
      x = padded;
    }
    const std::int64_t images = shape_.window.batch * shape_.group;
    call.workers.for_each_tile(images * shape_.tile_blocks * shape_.panel_blocks, [&](std::int64_t index) {
      run_block(x, input(1), input(2), input(3), static_cast<float*>(call.outputs[0]), index);
    });
  }

 private:
  // Row `row` (of all images) of the padded copy.
  void copy_row(const float* x, float* padded, std::int64_t row) const {
    const Window &from = shape_.source, &to = shape_.window;
    float* out = padded + row * to.x.in * to.channels;
    float* const end = out + to.x.in * to.channels;
    const std::int64_t image = row / to.y.in, at = row % to.y.in - from.y.begin;
    if (at < 0 || at >= from.y.in) {
      std::fill(out, end, 0.0f);
      return;
    }
    const float* in = x + (image * from.y.in + at) * from.x.in * from.channels;
    float* const inner = std::fill_n(out, from.x.begin * from.channels, 0.0f);
    std::fill(std::copy_n(in, from.x.in * from.channels, inner), end, 0.0f);
  }

  void run_block(const float* x, const float* weights, const float* bias, const float* residual, float* out,
                 std::int64_t index) const {
    const Window& w = shape_.window;
    const std::int64_t panel_block = index % shape_.panel_blocks;
    const std::int64_t tile_block = index / shape_.panel_blocks % shape_.tile_blocks;
    const std::int64_t group = index / shape_.panel_blocks / shape_.tile_blocks % shape_.group;
    const std::int64_t image = index / shape_.panel_blocks / shape_.tile_blocks / shape_.group;
    const float* in = x + image * w.y.in * w.x.in * w.channels + group * shape_.depth();
    const std::int64_t out_image = image * w.y.out * w.x.out * w.channels_out;
    const std::int64_t first_tile = tile_block * shape_.tiles;
    const std::int64_t end_tile = std::min(first_tile + shape_.tiles, shape_.lines * shape_.chunks);
    const std::int64_t end_panel = std::min((panel_block + 1) * shape_.panels, shape_.group_panels());

    std::array<Segment, largest_conv_taps> segments;
    Tile tile{};
    tile.segments = segments.data();
    std::array<std::int64_t, Simd::row_limit> offsets;
    tile.row_offsets = offsets.data();
    // Of pixels of one row; collect() sets those of tiles of several.
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      offsets[i] = static_cast<std::int64_t>(i) * w.x.stride * w.channels;
    }
    tile.zeros = zeros_.data();
    tile.panel_step = shape_.panel_step();
    tile.out_step = w.channels_out;
    tile.residual_step = w.channels_out;
    tile.low = activation_.low;
    tile.high = activation_.high;
    for (std::int64_t panel = panel_block * shape_.panels; panel < end_panel;) {
      const std::int64_t width = end_panel - panel >= simd_.wide_panels ? simd_.wide_panels : 1;
      const std::int64_t column = panel * panel_columns;
      const std::int64_t channel = group * shape_.columns() + column;
      const float* panel_weights = weights + (group * shape_.group_panels() + panel) * tile.panel_step;
      tile.columns = std::min(width * panel_columns, shape_.columns() - column);
      tile.bias = bias ? bias + channel : nullptr;
      for (std::int64_t index = first_tile; index < end_tile; ++index) {
        const std::int64_t line = index / shape_.chunks, chunk = index % shape_.chunks;
        const std::int64_t begin = line * shape_.line + shape_.line * chunk / shape_.chunks;
        const std::int64_t end = line * shape_.line + shape_.line * (chunk + 1) / shape_.chunks;
        const std::int64_t at = out_image + begin * w.channels_out + channel;
        tile.panels = panel_weights + collect(in, line, begin, end, segments, offsets, tile);
        tile.out = out + at;
        tile.residual = residual ? residual + at : nullptr;
        simd_.tile[end - begin][width == simd_.wide_panels](tile);
        if (activation_.after != Unary::copy) {
          simd_.unary(activation_.after, activation_.alpha, activation_.beta, tile.out, tile.out_step, tile.out,
                      tile.out_step, end - begin, tile.columns);
        }
      }
      panel += width;
    }
  }

  // The segments of output pixels [begin, end) of an image. Rows of taps above and below the image add nothing and are
  // left out; so the answer is how many weights of a panel come before the first that counts.
  std::int64_t collect(const float* in, std::int64_t line_index, std::int64_t begin, std::int64_t end,
                       std::array<Segment, largest_conv_taps>& segments,
                       std::array<std::int64_t, Simd::row_limit>& offsets, Tile& tile) const {
    const Window& w = shape_.window;
    const std::int64_t depth = shape_.depth(), taps = w.x.kernel, line_step = w.x.in * w.channels;
    const bool by_row = shape_.line == w.x.out;
    const std::int64_t row = by_row ? line_index : begin / w.x.out, column = begin - row * w.x.out;
    const std::int64_t end_row = by_row ? row : (end - 1) / w.x.out, end_column = end - end_row * w.x.out;
    std::size_t pixel = 0;
    for (std::int64_t y = row; y <= end_row && !by_row; ++y) {
      const std::int64_t from = y == row ? column : 0, to = y == end_row ? end_column : w.x.out;
      for (std::int64_t x = from; x < to; ++x) {
        offsets[pixel++] = (y - row) * w.y.stride * line_step + (x - column) * w.x.stride * w.channels;
      }
    }
    // Bit i: the tap lies inside the image for pixel i.
    const auto bits_of = [](std::int64_t count) { return (1u << count) - 1; };
    const auto across = [&](std::int64_t kx) {
      const Range valid = across_[static_cast<std::size_t>(kx)];
      std::uint32_t bits = 0;
      std::int64_t done = 0;
      for (std::int64_t y = row; y <= end_row; ++y) {
        const std::int64_t from = y == row ? column : 0, to = y == end_row ? end_column : w.x.out;
        const std::int64_t first = std::clamp(valid.begin, from, to), last = std::clamp(valid.end, first, to);
        bits |= (bits_of(last - from) & ~bits_of(first - from)) << done;
        done += to - from;
      }
      return bits;
    };
    const auto down = [&](std::int64_t ky) {
      const Range valid = down_[static_cast<std::size_t>(ky)];
      const std::int64_t first = std::clamp(valid.begin * w.x.out, begin, end);
      const std::int64_t last = std::clamp(valid.end * w.x.out, first, end);
      return bits_of(last - begin) & ~bits_of(first - begin);
    };
    const bool inner = row == end_row ? w.x.at(column, 0) >= 0 && w.x.at(end_column - 1, taps - 1) < w.x.in
                                      : w.x.begin == 0 && w.x.at(w.x.out - 1, taps - 1) < w.x.in;
    const bool join = inner && shape_.taps_join();
    std::int64_t first = 0, last = w.y.kernel;
    while (first < last && down(first) == 0) ++first;
    while (first < last && down(last - 1) == 0) --last;
    std::int64_t count = 0;
    for (std::int64_t ky = first; ky < last; ++ky) {
      const std::uint32_t rows = down(ky);  // none if a tile of several rows steps over the image with this tap
      const float* line = in + w.y.at(row, ky) * line_step;
      if (join) {
        segments[static_cast<std::size_t>(count++)] = {line + w.x.at(column, 0) * w.channels, rows};
        continue;
      }
      for (std::int64_t kx = 0; kx < taps; ++kx) {
        segments[static_cast<std::size_t>(count++)] = {line + w.x.at(column, kx) * w.channels,
                                                       inner ? rows : rows & across(kx)};
      }
    }
    tile.segment_count = count;
    tile.depth = join ? taps * depth : depth;
    return first * taps * depth * panel_columns;
  }

  const Simd& simd_;
  Shape shape_;
  Activation activation_;
  std::vector<float> zeros_;
  // For each tap of a row and of a column, the outputs for which it lies inside the image.
  std::vector<Range> across_, down_;
};

// Cuts the work: as many tiles at once as keep the input in the cache, so that a panel of weights is used often once it
// is there, and no more than makes a block of work worth sharing out.
void cut(Shape& shape, const Simd& simd) {
  const Window& w = shape.window;
  const auto at_least_1 = [](std::int64_t value) { return std::max<std::int64_t>(value, 1); };
  // Rows of their own if they fill their tiles to five sixths or more.
  const bool by_row = 6 * w.x.out >= 5 * simd.max_rows * ceil_div(w.x.out, simd.max_rows);
  shape.line = by_row ? w.x.out : w.y.out * w.x.out;
  shape.lines = by_row ? w.y.out : 1;
  shape.chunks = at_least_1(ceil_div(shape.line, simd.max_rows));
  const std::int64_t all_tiles = w.x.out == 0 || w.y.out == 0 ? 0 : shape.lines * shape.chunks;
  const std::int64_t all_panels = shape.group_panels();
  const std::int64_t pixels = ceil_div(shape.line, shape.chunks);
  const std::int64_t panel_work = at_least_1(pixels * shape.panel_step());  // multiply-adds of one tile
  const std::int64_t tile_bytes = at_least_1(w.y.stride * w.x.stride * pixels * w.channels * 4);
  const std::int64_t by_cache = at_least_1(block_bytes / tile_bytes);
  // Where the weights are many, the panels are shared out and the tiles stay together.
  const bool heavy = shape.panel_step() * all_panels * 4 > block_bytes;
  const std::int64_t by_work = at_least_1(block_work / (panel_work * at_least_1(all_panels)));
  shape.tiles = std::min({heavy ? by_cache : std::min(by_cache, by_work), at_least_1(all_tiles)});
  shape.tile_blocks = ceil_div(all_tiles, shape.tiles);
  if (shape.tile_blocks > 0) shape.tiles = ceil_div(all_tiles, shape.tile_blocks);
  shape.panels = ceil_div(at_least_1(block_work / (panel_work * shape.tiles)), simd.wide_panels) * simd.wide_panels;
  shape.panels = at_least_1(std::min(shape.panels, all_panels));
  shape.panel_blocks = ceil_div(all_panels, shape.panels);
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("conv_nhwc_f32", call);
  TRY(operands.floats(2, 4));
  Shape shape;
  shape.window = shape.source = TRY(read_window(operands, call));
  shape.group = TRY(operands.integer("group", 1));
  Window& w = shape.window;
  if (shape.group < 1 || shape.group > largest_size || w.channels % shape.group != 0 ||
      w.channels_out % shape.group != 0) {
    return operands.refuse("attribute 'group' does not divide the channels");
  }
  const std::int64_t taps = w.y.kernel * w.x.kernel;
  const bool few = shape.depth() < few_channels || taps > largest_conv_taps;
  if (few && shape.taps_join() && (w.x.begin || w.x.end)) {
    shape.copy = true;
    w.y.in += w.y.begin + w.y.end;
    w.x.in += w.x.begin + w.x.end;
    w.y.begin = w.y.end = w.x.begin = w.x.end = 0;
  }
  const bool join = shape.taps_join() && !w.x.begin && !w.x.end;
  if ((join ? w.y.kernel : taps) > largest_conv_taps) {
    return operands.refuse("its window has more than " + std::to_string(largest_conv_taps) + " taps");
  }
  TRY(operands.dims("W", call.inputs[1],
                    {shape.group * ceil_div(shape.columns(), panel_columns) * taps * shape.depth() * panel_columns}));
  if (operands.has(2)) TRY(operands.dims("the bias", call.inputs[2], {w.channels_out}));
  if (operands.has(3)) TRY(operands.dims("the residual", call.inputs[3], call.outputs[0].dims));
  const Activation activation = TRY(read_activation(operands));
  const Simd& table = simd(call.cpu.isa);
  // A window of one tap is a product of matrices: each pixel is a row.
  if (taps == 1 && shape.group == 1 && !w.padded() && w.x.stride == 1 && w.y.stride == 1) {
    return bind_product(table, w.batch * w.y.out * w.x.out, w.channels, w.channels_out, activation);
  }
  cut(shape, table);
  return std::make_unique<Conv>(table, shape, activation);
}

constexpr KernelDef table[] = {{"conv_nhwc_f32", bind}};

}  // namespace

Tensor pack_conv_weights(const TensorView& w, std::int64_t group) {
  MODELCTL_CHECK(w.type == DType::f32 && (w.rank() == 3 || w.rank() == 4), "packed weights are made of an f32 filter");
  MODELCTL_CHECK(group > 0 && w.dim(0) % group == 0, "the group divides the output channels");
  const std::int64_t columns = w.dim(0) / group, depth = w.dim(1);
  const std::int64_t taps = w.rank() == 3 ? w.dim(2) : w.dim(2) * w.dim(3);
  const std::int64_t panels = ceil_div(columns, panel_columns);
  Tensor packed(DType::f32, {group * panels * taps * depth * panel_columns});
  float* to = packed.mutable_view().as<float>().data();
  const auto* from = static_cast<const float*>(w.data);
  // [group][panel][tap][channel][16]; what no output channel fills stays zero.
  for (std::int64_t o = 0; o < w.dim(0); ++o) {
    const std::int64_t column = o % columns;
    float* panel =
        to + (o / columns * panels + column / panel_columns) * taps * depth * panel_columns + column % panel_columns;
    for (std::int64_t c = 0; c < depth; ++c) {
      for (std::int64_t tap = 0; tap < taps; ++tap)
        panel[(tap * depth + c) * panel_columns] = from[(o * depth + c) * taps + tap];
    }
  }
  return packed;
}

std::span<const KernelDef> conv_kernels() { return table; }

}  // namespace modelctl::kernels
