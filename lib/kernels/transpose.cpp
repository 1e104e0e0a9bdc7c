// Permutations of axes. Adjacent axes that stay adjacent are merged first, so that most permutations become a batch of
// matrix transpositions, which are done in blocks that fit the first-level cache.
#include "kernels/transpose.hpp"

#include "kernels/bind/operands.hpp"
#include "kernels/unaligned.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t side = 32;           // of a block
constexpr std::int64_t elements = 1 << 14;  // of a tile

// An axis of Y: its size, and what one step along it is in X and in Y.
struct Axis {
  std::int64_t size, in, out;
};

using Vector = std::uint32_t __attribute__((vector_size(16)));

// out[r * out_step + c] = in[c * in_step + r]
template <class T>
void turn(const T* in, std::int64_t in_step, T* out, std::int64_t out_step, std::int64_t rows, std::int64_t columns) {
  std::int64_t whole = 0;
  if constexpr (sizeof(T) == 4) {
    // Four by four in registers.
    whole = rows / 4 * 4;
    for (std::int64_t r = 0; r < whole; r += 4) {
      std::int64_t c = 0;
      for (; c + 4 <= columns; c += 4) {
        const auto get = [&](std::int64_t i) -> Vector { return load_unaligned<Vector>(in + (c + i) * in_step + r); };
        const auto put = [&](std::int64_t i, Vector v) { store_unaligned(out + (r + i) * out_step + c, v); };
        const Vector a = get(0), b = get(1), d = get(2), e = get(3);
        const Vector low_ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        const Vector high_ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const Vector low_de = __builtin_shufflevector(d, e, 0, 4, 1, 5);
        const Vector high_de = __builtin_shufflevector(d, e, 2, 6, 3, 7);
        put(0, __builtin_shufflevector(low_ab, low_de, 0, 1, 4, 5));
        put(1, __builtin_shufflevector(low_ab, low_de, 2, 3, 6, 7));
        put(2, __builtin_shufflevector(high_ab, high_de, 0, 1, 4, 5));
        put(3, __builtin_shufflevector(high_ab, high_de, 2, 3, 6, 7));
      }
      for (std::int64_t i = r; i < r + 4; ++i) {
        for (std::int64_t j = c; j < columns; ++j) out[i * out_step + j] = in[j * in_step + i];
      }
    }
  }
  for (std::int64_t r = whole; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) out[r * out_step + c] = in[c * in_step + r];
  }
}

class Transpose final : public Bound {
 public:
  struct Shape {
    // Copies runs of `columns` if rows.size is 1; otherwise turns blocks of rows (steps of 1 in X) by columns (steps
    // of 1 in Y).
    Axis rows{1, 0, 0};
    Axis columns{1, 0, 1};
    std::vector<Axis> outer;
    std::int64_t outer_count = 1;
    std::int64_t bytes = 4;  // of an element
    bool turned = false;
  };
  explicit Transpose(Shape shape) : shape_(std::move(shape)) {
    const Shape& s = shape_;
    rows_ = std::max<std::int64_t>(elements / std::max<std::int64_t>(s.columns.size, 1) / side * side, side);
    rows_ = std::max<std::int64_t>(std::min(rows_, s.rows.size), 1);
    row_blocks_ = ceil_div(s.rows.size, rows_);
    // Many small runs make one tile.
    const std::int64_t each = std::max<std::int64_t>(rows_ * s.columns.size, 1);
    per_tile_ = std::max<std::int64_t>(elements / each, 1);
  }

  void run(const RunCall& call) const override {
    const std::int64_t count = shape_.outer_count * row_blocks_;
    call.workers.for_each_tile(ceil_div(count, per_tile_), [&](std::int64_t tile) {
      const std::int64_t end = std::min((tile + 1) * per_tile_, count);
      for (std::int64_t index = tile * per_tile_; index < end; ++index) run_one(call, index);
    });
  }

 private:
  void run_one(const RunCall& call, std::int64_t index) const {
    const Shape& s = shape_;
    const std::int64_t first = index % row_blocks_ * rows_;
    std::int64_t in = first * s.rows.in, out = first * s.rows.out, rest = index / row_blocks_;
    for (const Axis& axis : s.outer) {
      const std::int64_t coordinate = rest % axis.size;
      rest /= axis.size;
      in += coordinate * axis.in;
      out += coordinate * axis.out;
    }
    const std::byte* from = static_cast<const std::byte*>(call.inputs[0]) + in * s.bytes;
    std::byte* to = static_cast<std::byte*>(call.outputs[0]) + out * s.bytes;
    if (!s.turned) {
      std::memcpy(to, from, static_cast<std::size_t>(s.columns.size * s.bytes));
      return;
    }
    const std::int64_t rows = std::min(rows_, s.rows.size - first);
    switch (s.bytes) {
      case 1: return turn_blocks<std::uint8_t>(from, to, rows);
      case 2: return turn_blocks<std::uint16_t>(from, to, rows);
      case 4: return turn_blocks<std::uint32_t>(from, to, rows);
      default: return turn_blocks<std::uint64_t>(from, to, rows);
    }
  }

  template <class T>
  void turn_blocks(const std::byte* from, std::byte* to, std::int64_t rows) const {
    const auto* in = reinterpret_cast<const T*>(from);
    auto* out = reinterpret_cast<T*>(to);
    const std::int64_t in_step = shape_.columns.in, out_step = shape_.rows.out, columns = shape_.columns.size;
    for (std::int64_t r = 0; r < rows; r += side) {
      for (std::int64_t c = 0; c < columns; c += side) {
        turn(in + c * in_step + r, in_step, out + r * out_step + c, out_step, std::min(side, rows - r),
             std::min(side, columns - c));
      }
    }
  }

  Shape shape_;
  std::int64_t rows_ = 1;  // per tile
  std::int64_t row_blocks_ = 0;
  std::int64_t per_tile_ = 1;
};

// What both kernels require of X and Y; returns the bytes of an element.
Result<std::int64_t> check(const Operands& operands, const BindCall& call) {
  if (call.inputs.size() != 1 || call.outputs.size() != 1) return operands.refuse("it has 1 input and 1 output");
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  const int width = bits(x.type);
  if (width != 8 && width != 16 && width != 32 && width != 64) {
    return operands.refuse("X is " + std::string(name(x.type)));
  }
  if (x.type != y.type) return operands.refuse("X and Y differ in type");
  const auto bytes = byte_size(x.type, x.dims);
  if (!bytes || *bytes > largest_operand) return operands.refuse("X is too large");
  return width / 8;
}

// X of these dimensions, its axes in the order of `perm`.
std::unique_ptr<Bound> permuted(DimsView dims, std::span<const std::int64_t> perm, std::int64_t bytes) {
  Dims steps(dims.size());
  std::int64_t step = 1;
  for (std::size_t i = dims.size(); i-- > 0; step *= dims[i]) steps[i] = step;
  // Y's axes from the last to the first; one that goes on in X where the one after it ends is the same axis.
  std::vector<Axis> axes;
  std::int64_t out = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    const auto of = static_cast<std::size_t>(perm[i]);
    const Axis axis{dims[of], steps[of], out};
    out *= axis.size;
    if (axis.size == 1) continue;
    if (!axes.empty() && axis.in == axes.back().in * axes.back().size) axes.back().size *= axis.size;
    else axes.push_back(axis);
  }

  Transpose::Shape shape;
  shape.bytes = bytes;
  if (out == 0) {
    shape.outer_count = 0;
    return std::make_unique<Transpose>(std::move(shape));
  }
  if (!axes.empty()) {
    shape.columns = axes.front();
    shape.turned = shape.columns.in != 1;
    for (std::size_t i = 1; i < axes.size(); ++i) {
      if (shape.turned && axes[i].in == 1) {
        shape.rows = axes[i];
        continue;
      }
      shape.outer.push_back(axes[i]);
      shape.outer_count *= axes[i].size;
    }
  }
  return std::make_unique<Transpose>(std::move(shape));
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("transpose", call);
  const std::int64_t bytes = TRY(check(operands, call));
  const TensorView& x = call.inputs[0];
  const auto rank = x.rank();
  const auto perm = TRY(operands.integers("perm", rank, -1, 0, static_cast<std::int64_t>(rank) - 1));
  std::vector<bool> seen(rank);
  Dims expected;
  for (std::int64_t axis : perm) {
    if (axis < 0 || seen[static_cast<std::size_t>(axis)])
      return operands.refuse("attribute 'perm' is not a permutation");
    seen[static_cast<std::size_t>(axis)] = true;
    expected.push_back(x.dims[static_cast<std::size_t>(axis)]);
  }
  TRY(operands.dims("Y", call.outputs[0], expected));
  return permuted(x.dims, perm, bytes);
}

Result<std::unique_ptr<Bound>> bind_blocks(const BindCall& call) {
  const Operands operands("blocks", call);
  const std::int64_t bytes = TRY(check(operands, call));
  const TensorView& x = call.inputs[0];
  if (x.rank() != 4) return operands.refuse("X has not four dimensions");
  const std::int64_t block = TRY(operands.integer("block", 0));
  if (block < 1 || block > 1 << 15) return operands.refuse("the block's size is out of bounds");
  for (std::int64_t dim : x.dims) {
    if (dim > largest_size) return operands.refuse("X has a dimension of " + std::to_string(dim));
  }
  const std::string form = TRY(operands.text("form", ""));
  const auto view = view_of_blocks(form, x.dims, block);
  if (!view) return operands.refuse("it has no form '" + form + "', or X does not consist of blocks");
  TRY(operands.dims("Y", call.outputs[0], view->out));
  return permuted(view->split, view->order, bytes);
}

constexpr KernelDef table[] = {{"blocks", bind_blocks}, {"transpose", bind}};

}  // namespace

std::optional<BlockView> view_of_blocks(std::string_view form, DimsView x, std::int64_t b) {
  const bool to_depth = form == "space_to_depth", last = form.ends_with("_last");
  const std::int64_t n = x[0], c = x[last ? 3 : 1], h = x[last ? 1 : 2], w = x[last ? 2 : 3];
  if (to_depth) {
    if (h % b != 0 || w % b != 0) return std::nullopt;
    return BlockView{{n, c, h / b, b, w / b, b}, {0, 3, 5, 1, 2, 4}, {n, c * b * b, h / b, w / b}};
  }
  if (c % (b * b) != 0) return std::nullopt;
  const std::int64_t each = c / (b * b);
  if (form == "dcr") return BlockView{{n, b, b, each, h, w}, {0, 3, 4, 1, 5, 2}, {n, each, h * b, w * b}};
  if (form == "crd") return BlockView{{n, each, b, b, h, w}, {0, 1, 4, 2, 5, 3}, {n, each, h * b, w * b}};
  if (form == "dcr_last") return BlockView{{n, h, w, b, b, each}, {0, 1, 3, 2, 4, 5}, {n, h * b, w * b, each}};
  if (form == "crd_last") return BlockView{{n, h, w, each, b, b}, {0, 1, 4, 2, 5, 3}, {n, h * b, w * b, each}};
  return std::nullopt;
}

std::span<const KernelDef> transpose_kernels() { return table; }

}  // namespace modelctl::kernels
