// The batched product of two computed operands. B is packed into panels at each run: that costs one pass over B, and
// each row of A reads the panels again.
#include "kernels/matmul.hpp"

#include "kernels/product/product.hpp"

namespace modelctl::kernels {
namespace {

class MatMul final : public Bound {
 public:
  struct Shape {
    Blocks blocks;
    bool transposed = false;
    float alpha = 1.0f;
    std::int64_t b_count = 0;
    // For each matrix of Y, which of A's and of B's it is the product of.
    std::vector<std::int32_t> a_of, b_of;
  };
  MatMul(const Simd& simd, Shape shape) : simd_(simd), shape_(std::move(shape)) {}

  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(shape_.b_count * packed_size(shape_.blocks.k, shape_.blocks.n)) * sizeof(float);
  }

  void run(const RunCall& call) const override {
    const Blocks& blocks = shape_.blocks;
    const auto* a = static_cast<const float*>(call.inputs[0]);
    const auto* b = static_cast<const float*>(call.inputs[1]);
    auto* y = static_cast<float*>(call.outputs[0]);
    auto* packed = reinterpret_cast<float*>(call.scratch);
    const std::int64_t panels = ceil_div(blocks.n, panel_columns), size = packed_size(blocks.k, blocks.n);
    call.workers.for_each_tile(shape_.b_count * panels, [&](std::int64_t index) {
      const std::int64_t matrix = index / panels, panel = index % panels;
      pack_panel(b + matrix * blocks.k * blocks.n, shape_.transposed ? 1 : blocks.n, shape_.transposed ? blocks.k : 1,
                 blocks.k, blocks.n, panel, shape_.alpha, packed + matrix * size + panel * panel_columns * blocks.k);
    });
    const std::int64_t each = blocks.count();
    call.workers.for_each_tile(static_cast<std::int64_t>(shape_.a_of.size()) * each, [&](std::int64_t index) {
      const std::int64_t matrix = index / each;
      const auto at = static_cast<std::size_t>(matrix);
      const Product product{a + shape_.a_of[at] * blocks.m * blocks.k, blocks.k, packed + shape_.b_of[at] * size,
                            y + matrix * blocks.m * blocks.n, blocks.n};
      run_block(simd_, blocks, product, {}, index % each);
    });
  }

 private:
  const Simd& simd_;
  Shape shape_;
};

// Index into an operand's matrices for each of `count` matrices of Y, by the broadcast of the leading dimensions.
std::vector<std::int32_t> spread(DimsView operand, DimsView y, std::int64_t count) {
  std::vector<std::int32_t> index(static_cast<std::size_t>(count));
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    std::int64_t rest = matrix, step = 1, at = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::int64_t dim = y[y.size() - 1 - i], coordinate = rest % dim;
      rest /= dim;
      if (i >= operand.size()) continue;
      const std::int64_t own = operand[operand.size() - 1 - i];
      if (own != 1) at += coordinate * step;
      step *= own;
    }
    index[static_cast<std::size_t>(matrix)] = static_cast<std::int32_t>(at);
  }
  return index;
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("matmul_f32", call);
  TRY(operands.floats(2, 2));
  const TensorView &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  if (a.rank() < 2 || b.rank() < 2) return operands.refuse("A and B have at least two dimensions");
  MatMul::Shape shape;
  shape.transposed = TRY(operands.integer("transposed", 0)) != 0;
  shape.alpha = TRY(operands.number("alpha", 1.0f));
  const std::int64_t m = a.dim(a.rank() - 2), k = a.dim(a.rank() - 1);
  const std::int64_t n = b.dim(b.rank() - (shape.transposed ? 2 : 1));
  if (b.dim(b.rank() - (shape.transposed ? 1 : 2)) != k) return operands.refuse("A and B differ in K");

  const DimsView a_lead = a.dims.first(a.rank() - 2), b_lead = b.dims.first(b.rank() - 2);
  Dims expected(std::max(a_lead.size(), b_lead.size()), 1);
  for (DimsView lead : {a_lead, b_lead}) {
    for (std::size_t i = 0; i < lead.size(); ++i) {
      std::int64_t& dim = expected[expected.size() - lead.size() + i];
      if (dim != 1 && lead[i] != 1 && dim != lead[i]) return operands.refuse("the leading dimensions do not broadcast");
      if (dim == 1) dim = lead[i];
    }
  }
  const DimsView lead = y.dims.first(std::min(y.rank(), expected.size()));
  expected.insert(expected.end(), {m, n});
  TRY(operands.dims("Y", y, expected));
  constexpr std::int64_t most = std::int64_t{1} << 24;
  const auto count = element_count(lead), b_count = element_count(b_lead);
  if (!count || !b_count || *count > most || *b_count > most) return operands.refuse("there are too many matrices");
  const Simd& table = simd(call.cpu.isa);
  shape.blocks = cut(table, m, k, n);
  if (y.elements() > 0) {
    shape.b_count = *b_count;
    shape.a_of = spread(a_lead, lead, *count);
    shape.b_of = spread(b_lead, lead, *count);
  }
  return std::make_unique<MatMul>(table, std::move(shape));
}

constexpr KernelDef table[] = {{"matmul_f32", bind}};

}  // namespace

std::span<const KernelDef> matmul_kernels() { return table; }

}  // namespace modelctl::kernels
