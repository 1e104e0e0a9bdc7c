// Chooses the blocks of a matrix product, packs panels, and runs one block: product.hpp has the theory.
#include "kernels/product/product.hpp"

#include "kernels/unaligned.hpp"

#include <algorithm>

namespace modelctl::kernels {
namespace {

// A block's rows of A should stay in the second-level cache while its panels stream by.
constexpr std::int64_t rows_bytes = 384 * 1024;
// Multiply-adds of a block: some ten microseconds, small enough to share out and large enough to be worth it.
constexpr std::int64_t block_work = 1 << 21;
constexpr std::int64_t flat_bytes = 256 * 1024;

std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }

using Vector = float __attribute__((vector_size(16)));

// Four columns of a transposed B at a time: a 4x4 transposition in registers.
void pack_across(const float* b, std::int64_t n_step, std::int64_t k, float factor, float* to) {
  std::int64_t i = 0;
  for (; i + 4 <= k; i += 4) {
    for (std::int64_t j = 0; j < panel_columns; j += 4) {
      const float* from = b + j * n_step + i;
      const Vector r0 = load_unaligned<Vector>(from) * factor;
      const Vector r1 = load_unaligned<Vector>(from + n_step) * factor;
      const Vector r2 = load_unaligned<Vector>(from + 2 * n_step) * factor;
      const Vector r3 = load_unaligned<Vector>(from + 3 * n_step) * factor;
      const Vector low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5),
                   high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
      const Vector low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5),
                   high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
      float* out = to + i * panel_columns + j;
      store_unaligned<Vector>(out, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
      store_unaligned<Vector>(out + panel_columns, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
      store_unaligned<Vector>(out + 2 * panel_columns, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
      store_unaligned<Vector>(out + 3 * panel_columns, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
    }
  }
  for (; i < k; ++i) {
    for (std::int64_t j = 0; j < panel_columns; ++j) to[i * panel_columns + j] = b[j * n_step + i] * factor;
  }
}

class BoundProduct final : public Bound {
 public:
  BoundProduct(const Simd& simd, Blocks blocks, Activation activation)
      : simd_(simd), blocks_(blocks), activation_(activation) {}

  void run(const RunCall& call) const override {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const Product product{input(0),  blocks_.k, input(1), static_cast<float*>(call.outputs[0]),
                          blocks_.n, input(2),  input(3), blocks_.n};
    call.workers.for_each_tile(blocks_.count(),
                               [&](std::int64_t index) { run_block(simd_, blocks_, product, activation_, index); });
  }

 private:
  const Simd& simd_;
  Blocks blocks_;
  Activation activation_;
};

}  // namespace

void pack_panel(const float* b, std::int64_t k_step, std::int64_t n_step, std::int64_t k, std::int64_t n,
                std::int64_t panel, float factor, float* to) {
  const std::int64_t first = panel * panel_columns;
  const std::int64_t columns = std::min(panel_columns, n - first);
  b += first * n_step;
  if (columns == panel_columns && k_step == 1) return pack_across(b, n_step, k, factor, to);
  for (std::int64_t i = 0; i < k; ++i, b += k_step, to += panel_columns) {
    for (std::int64_t j = 0; j < columns; ++j) to[j] = b[j * n_step] * factor;
    std::fill(to + columns, to + panel_columns, 0.0f);
  }
}

Blocks cut(const Simd& simd, std::int64_t m, std::int64_t k, std::int64_t n) {
  Blocks blocks{m, k, n};
  if (m == 0 || n == 0) return blocks;
  const std::int64_t panels = ceil_div(n, panel_columns);
  const std::int64_t depth = std::max<std::int64_t>(k, 1);
  if (m <= simd.flat_rows) {
    blocks.rows = m;
    blocks.panels = round_up(std::max<std::int64_t>(flat_bytes / (depth * panel_columns * 4), 1), simd.flat_panels);
  } else {
    const std::int64_t fit = std::max<std::int64_t>(rows_bytes / (depth * 4) / simd.max_rows, 1) * simd.max_rows;
    // Equal blocks, of whole tiles except the last.
    const std::int64_t cuts = ceil_div(m, fit);
    blocks.rows = cuts == 1 ? m : round_up(ceil_div(m, cuts), simd.max_rows);
    blocks.panels =
        round_up(std::max<std::int64_t>(block_work / (blocks.rows * depth * panel_columns), 1), simd.wide_panels);
  }
  blocks.m_blocks = ceil_div(m, blocks.rows);
  blocks.n_blocks = ceil_div(panels, blocks.panels);
  return blocks;
}

void run_block(const Simd& simd, const Blocks& blocks, const Product& product, const Activation& activation,
               std::int64_t index) {
  const std::int64_t first_row = index % blocks.m_blocks * blocks.rows;
  const std::int64_t rows = std::min(blocks.rows, blocks.m - first_row);
  const std::int64_t all_panels = ceil_div(blocks.n, panel_columns);
  const std::int64_t first_panel = index / blocks.m_blocks * blocks.panels;
  const std::int64_t end_panel = std::min(first_panel + blocks.panels, all_panels);

  Segment segment{};
  Tile tile{};
  tile.segments = &segment;
  tile.segment_count = 1;
  tile.depth = blocks.k;
  std::int64_t offsets[Simd::row_limit];
  for (int i = 0; i < simd.max_rows; ++i) offsets[i] = i * product.a_step;
  tile.row_offsets = offsets;
  tile.panel_step = blocks.k * panel_columns;
  tile.out_step = product.out_step;
  tile.residual_step = product.residual_step;
  tile.low = activation.low;
  tile.high = activation.high;

  const bool flat = blocks.m <= simd.flat_rows;
  // Rows in nearly equal tiles: 13 and 13 rather than 14 and 12.
  const std::int64_t tiles = ceil_div(rows, simd.max_rows);
  for (std::int64_t panel = first_panel; panel < end_panel;) {
    const std::int64_t left = end_panel - panel;
    const std::int64_t width = flat && left >= simd.flat_panels ? simd.flat_panels
                               : left >= simd.wide_panels       ? simd.wide_panels
                                                                : 1;
    const std::int64_t column = panel * panel_columns;
    tile.panels = product.panels + panel * tile.panel_step;
    tile.columns = std::min(width * panel_columns, blocks.n - column);
    tile.bias = product.bias ? product.bias + column : nullptr;
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t begin = first_row + rows * i / tiles, end = first_row + rows * (i + 1) / tiles;
      const std::int64_t count = end - begin;
      segment = {product.a + begin * product.a_step, ~0u};
      tile.out = product.out + begin * product.out_step + column;
      tile.residual = product.residual ? product.residual + begin * product.residual_step + column : nullptr;
      const TileFunction function =
          flat && width == simd.flat_panels ? simd.flat[count] : simd.tile[count][width == simd.wide_panels];
      function(tile);
      if (activation.after != Unary::copy) {
        simd.unary(activation.after, activation.alpha, activation.beta, tile.out, tile.out_step, tile.out,
                   tile.out_step, count, tile.columns);
      }
    }
    panel += width;
  }
}

std::unique_ptr<Bound> bind_product(const Simd& simd, std::int64_t m, std::int64_t k, std::int64_t n,
                                    const Activation& activation) {
  return std::make_unique<BoundProduct>(simd, cut(simd, m, k, n), activation);
}

}  // namespace modelctl::kernels
