// MatMulNBits of com.microsoft: Y = A * dequantized(B)ᵀ + bias, where B is [N, K] of 2, 4 or 8 bits, in blocks along K
// that have a scale and a zero point each. B is never expanded to floats as a whole: the reference dequantizes element
// by element, the kernel a block at a time.
//
// Smallest runner: regular, since weights of four bits.
#include "kernels/matmul_nbits.hpp"
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"
#include "tensor/small.hpp"

#include <numeric>

namespace modelctl::ops {
namespace {

using graph::Shape;

// B is [N, blocks, block_size * bits / 8] bytes. Column n of the product has the weights
//   w[n, k] = (q[n, k] - zero[n, k / block_size]) * scale[n, k / block_size].
// Elements are packed low bits first: of 4 bits, element 2 i is the lower half of byte i. The last block is padded to
// its full size if K is not a multiple of it, so that each row has whole blocks. Without zero points q is around the
// middle, 2^(bits - 1).

struct Sizes {
  std::int64_t k, n, block, blocks;
  int bits;
};

// The attributes, bounded so that no product of two of them overflows.
Result<Sizes> sizes_of(const Attributes& attributes) {
  // K rounded up to whole blocks is at most 2^31 too, since block_size is a power of two: B has at most 2^62 bytes.
  constexpr std::int64_t most = std::int64_t{1} << 31;
  Sizes sizes{attributes.integer("K"), attributes.integer("N"), attributes.integer("block_size"), 0,
              static_cast<int>(attributes.integer("bits", 4))};
  if (attributes.integer("bits", 4) != sizes.bits || (sizes.bits != 2 && sizes.bits != 4 && sizes.bits != 8)) {
    return refuse("bits cannot be " + std::to_string(attributes.integer("bits", 4)));
  }
  if (sizes.k < 1 || sizes.k > most || sizes.n < 1 || sizes.n > most) return refuse("K and N must be positive");
  if (sizes.block < 16 || sizes.block > most || (sizes.block & (sizes.block - 1)) != 0) {
    return refuse("block_size must be a power of two from 16 up, not " + std::to_string(sizes.block));
  }
  if (attributes.integer("weight_prepacked") != 0) {
    return Error(Kind::unsupported, "unsupported-form",
                 "weights that are packed for another program are not supported");
  }
  sizes.blocks = (sizes.k + sizes.block - 1) / sizes.block;
  return sizes;
}

Result<void> infer(Inference& call) {
  auto sizes = sizes_of(call.attributes());
  // bad() would call weights for another program a fault of the model; they are a form that is not supported.
  if (!sizes)
    return sizes.error().kind == Kind::unsupported ? Result<void>(sizes.error()) : call.bad(sizes.error().what);
  TRY(need_rank(call, 0, 1));
  const Shape* a = call.shape(0);
  std::optional<Shape> shape;
  if (a != nullptr) {
    TRY(same_size(call, a->back(), graph::Expr(sizes->k)));
    shape = *a;
    shape->back() = graph::Expr(sizes->n);
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The numbers of a matrix [N, blocks]. Exporters write it with other dimensions too, so that only the count is checked.
Result<std::vector<double>> matrix(const TensorView& view, const Sizes& sizes, std::string_view what) {
  if (!holds<Floats>(view.type)) return refuse_type(view.type);
  if (view.elements() != sizes.n * sizes.blocks) {
    return refuse(std::string(what) + " must have " + std::to_string(sizes.n * sizes.blocks) + " elements, not " +
                  std::to_string(view.elements()));
  }
  auto load = load_of<double>(view.type);
  std::vector<double> all(static_cast<std::size_t>(view.elements()));
  std::int64_t at = 0;
  for (double& number : all) number = load(view.data, at++);
  return all;
}

// Zero points [N, blocks]; the middle of the range if they are absent. They are floats, or packed like B, and then each
// row begins with a new byte.
Result<std::vector<double>> zero_points(const TensorView& view, const Sizes& sizes) {
  if (view.present() && view.type != DType::u8) return matrix(view, sizes, "zero_points");
  std::vector<double> zeros(static_cast<std::size_t>(sizes.n * sizes.blocks), std::ldexp(1.0, sizes.bits - 1));
  if (!view.present()) return zeros;
  const std::int64_t row = (sizes.blocks * sizes.bits + 7) / 8;
  if (view.elements() != sizes.n * row) {
    return refuse("zero_points must have " + std::to_string(sizes.n * row) + " bytes, not " +
                  std::to_string(view.elements()));
  }
  for (std::int64_t i = 0; i < sizes.n * sizes.blocks; ++i) {
    zeros[static_cast<std::size_t>(i)] =
        packed(view.as<std::uint8_t>().data() + i / sizes.blocks * row, i % sizes.blocks, sizes.bits);
  }
  return zeros;
}

// The block of each index along K.
// With g_idx, row k of the matrix belongs to block g_idx[k]: GPTQ quantizes rows in the order of their importance ("act
// order", Frantar et al., 2022), so that a block's rows are not next to each other.
Result<Dims> block_indices(const TensorView& view, const Sizes& sizes) {
  if (view.present()) {
    if (view.elements() != sizes.k) return refuse("g_idx must have K elements");
    return indices(view, sizes.blocks);
  }
  Dims all;
  for (std::int64_t k = 0; k < sizes.k; ++k) all.push_back(k / sizes.block);
  return all;
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1), &bias = call.input(5);
  Sizes sizes = TRY(sizes_of(call.attributes));
  TRY(need_rank(a, 1, "A"));
  if (!holds<Floats>(a.type)) return refuse_type(a.type);
  if (b.type != DType::u8) return refuse_type(b.type);
  if (a.dims.back() != sizes.k) return refuse("A has rows of " + std::to_string(a.dims.back()) + ", not of K");
  const std::int64_t row = sizes.blocks * (sizes.block * sizes.bits / 8);
  if (b.elements() != sizes.n * row) {
    return refuse("B must have " + std::to_string(sizes.n * row) + " bytes, not " + std::to_string(b.elements()));
  }
  std::vector<double> scales = TRY(matrix(call.input(2), sizes, "scales"));
  std::vector<double> zeros = TRY(zero_points(call.input(3), sizes));
  Dims blocks = TRY(block_indices(call.input(4), sizes));
  if (bias.present() && (bias.type != a.type || bias.elements() != sizes.n))
    return refuse("the bias must have N elements");
  Dims dims(a.dims.begin(), a.dims.end());
  dims.back() = sizes.n;
  MutableTensorView y = TRY(outputs.allocate(0, a.type, dims));
  auto load = load_of<double>(a.type);
  auto store = store_of<double>(a.type);
  std::vector<double> left(static_cast<std::size_t>(a.elements()));
  std::int64_t at = 0;
  for (double& number : left) number = load(a.data, at++);
  const std::int64_t rows = product(a.dims.first(a.rank() - 1));
  // One column at a time, for all rows of A: the scratch memory is K numbers. Each weight is rounded to f32, as a
  // DequantizeLinear before a MatMul would give it; sums are in f64.
  std::vector<double> column(static_cast<std::size_t>(sizes.k));
  for (std::int64_t n = 0; n < sizes.n; ++n) {
    if (call.interrupted()) return {};
    for (std::int64_t k = 0; k < sizes.k; ++k) {
      auto group = static_cast<std::size_t>(n * sizes.blocks + blocks[static_cast<std::size_t>(k)]);
      double steps = packed(b.as<std::uint8_t>().data() + n * row, k, sizes.bits) - zeros[group];
      column[static_cast<std::size_t>(k)] = static_cast<float>(steps * scales[group]);
    }
    for (std::int64_t m = 0; m < rows; ++m) {
      double sum = bias.present() ? load(bias.data, n) : 0;
      sum = std::inner_product(column.begin(), column.end(), left.begin() + m * sizes.k, sum);
      store(y.data, m * sizes.n + n, sum);
    }
  }
  return {};
}

// The kernel takes constant weights of 4 or 8 bits without g_idx, which permutes the blocks. Every length is checked
// here: packing reads B, scales and zero points by index.
Result<bool> lower(Lowering& call) {
  auto sizes = sizes_of(call.attributes());
  const Tensor *b = call.constant(1), *scale = call.constant(2), *zero = call.constant(3), *bias = call.constant(5);
  const graph::Node& node = call.node();
  if (!sizes || sizes->bits == 2 || !call.plain_f32(0) || b == nullptr || scale == nullptr) return false;
  if (node.input(4) != nullptr || (node.input(3) != nullptr && zero == nullptr)) return false;
  if (node.input(5) != nullptr && (bias == nullptr || bias->type() != DType::f32)) return false;
  if (b->type() != DType::u8 || b->elements() != sizes->n * sizes->blocks * (sizes->block * sizes->bits / 8))
    return false;
  // A fault of the lengths is not reported here: evaluate, which then runs, says what is wrong.
  auto scales = matrix(scale->view(), *sizes, "scales");
  auto zeros = zero_points(zero == nullptr ? TensorView{} : zero->view(), *sizes);
  if (!scales || !zeros) return false;
  kernels::PackedBits packed = kernels::pack_few_bits(b->as<std::uint8_t>().data(), sizes->bits, sizes->n, sizes->k,
                                                      sizes->block, *scales, *zeros);
  call.emit("matmul_nbits_f32", {node.input(0), packed.panels, packed.scales, packed.zeros, node.input(5)},
            {{"bits", std::int64_t{sizes->bits}}, {"block", sizes->block}});
  return true;
}

constexpr AttributeDef attributes[] = {
    {"K", AttributeType::integer, "the size of A's rows", true},
    {"N", AttributeType::integer, "the size of Y's rows", true},
    {"accuracy_level", AttributeType::integer, "a hint, not needed: sums are exact beyond f32"},
    {"bits", AttributeType::integer, "of an element of B: 2, 4 if absent, or 8"},
    {"block_size", AttributeType::integer, "along K, how many elements share a scale: a power of two, 16 at least",
     true},
    {"weight_prepacked", AttributeType::integer, "0 if absent; others are refused"}};

// K = 16 makes one block; each byte has two elements, low bits first.
Tensor sixteen() { return Tensor::of<float>(DType::f32, {1, 16}, {1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}); }

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "MatMulNBits",
        .since = 1,
        .summary = "The product with a matrix of a few bits, which has a scale for each block.",
        .inputs = "A B:u8 scales:A zero_points?:f32,f16,bf16,u8 g_idx?:i32 bias?:A",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .lower = lower,
        .examples =
            [] {
              Attributes four{{"K", std::int64_t{16}}, {"N", std::int64_t{2}}, {"block_size", std::int64_t{16}}};
              Attributes eight = four;
              eight.set("bits", std::int64_t{8});
              eight.set("N", std::int64_t{1});
              return Examples{
                  {"4 bits around the middle",
                   {sixteen(), u8({2, 1, 8}, {0x9a, 0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0}),
                    f32({2}, {1, 0.5f})},
                   four,
                   {f32({1, 2}, {4, -8.5f})}},
                  {"with zero points and a bias",
                   {sixteen(), u8({2, 1, 8}, {0x9a, 0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0}),
                    f32({2, 1}, {1, 0.5f}), u8({2, 1}, {0, 7}), Tensor(), f32({2}, {100, 200})},
                   four,
                   {f32({1, 2}, {128, 193})}},
                  {"8 bits",
                   {sixteen(), u8({1, 1, 16}, {130, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), f32({1}, {2})},
                   eight,
                   {f32({1, 1}, {0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "MatMulNBits", evaluate}};

}  // namespace

std::span<const OpDef> matmul_nbits_ops() { return defs; }
std::span<const OpRun> matmul_nbits_runs() { return runs; }

}  // namespace modelctl::ops
