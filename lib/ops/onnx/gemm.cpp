// Gemm: Y = alpha A B + beta C, where A and B may be transposed and C broadcasts to the output. Dense layers of f32 run
// as modelctl::Gemm with packed weights (passes/dense_products.cpp).
#include "ops/family/cost.hpp"
#include "ops/reference/broadcast.hpp"
#include "ops/reference/multiply.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// C broadcasts to the product, but not the product to C: the broadcast below is a check, whose result is not used. For
// symbolic sizes the run decides.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  TRY(need_rank(call, 0, 2, 2));
  TRY(need_rank(call, 1, 2, 2));
  const Shape *a = call.shape(0), *b = call.shape(1);
  bool flip_a = call.attributes().integer("transA") != 0, flip_b = call.attributes().integer("transB") != 0;
  if (a != nullptr && b != nullptr) TRY(same_size(call, (*a)[flip_a ? 0 : 1], (*b)[flip_b ? 1 : 0]));
  Shape shape{a == nullptr ? call.fresh_symbol() : (*a)[flip_a ? 1 : 0],
              b == nullptr ? call.fresh_symbol() : (*b)[flip_b ? 0 : 1]};
  if (const Shape* c = call.shape(2)) {
    if (c->size() > 2) return call.bad("C must have rank 2 or less");
    TRY(broadcast(call, shape, *c));
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

// Transposition swaps strides, so no copy is made. The product is summed in f64 for floats and scaled once at the end.
// An empty sum (k is 0) leaves beta C. C is read even if beta is 0, so that its NaN reaches the output, as the formula
// says; BLAS would not read it.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1), &c = call.input(2);
  TRY(same_type(a, b));
  if (a.rank() != 2 || b.rank() != 2) return refuse("A and B must have rank 2");
  bool flip_a = call.attributes.integer("transA") != 0, flip_b = call.attributes.integer("transB") != 0;
  double alpha = call.attributes.number("alpha", 1), beta = call.attributes.number("beta", 1);
  std::int64_t m = a.dim(flip_a ? 1 : 0), k = a.dim(flip_a ? 0 : 1), n = b.dim(flip_b ? 0 : 1);
  if (b.dim(flip_b ? 1 : 0) != k) {
    return refuse("a row of " + std::to_string(k) + " does not fit a column of " +
                  std::to_string(b.dim(flip_b ? 1 : 0)));
  }
  Dims dims{m, n}, c_strides{0, 0};
  if (c.present()) {
    TRY(same_type(a, c));
    if (TRY(broadcast_dims(dims, c.dims)) != dims) return refuse("C does not broadcast to the product");
    c_strides = broadcast_strides(c.dims, dims);
  }
  return for_type<MatrixTypes>(a.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, a.type, dims));
    if (y.elements() == 0) return {};
    T* out = y.as<T>().data();
    const T* added = c.present() ? c.as<T>().data() : nullptr;
    Matrix<T> left{a.as<T>().data(), flip_a ? 1 : a.dim(1), flip_a ? a.dim(1) : 1};
    Matrix<T> right{b.as<T>().data(), flip_b ? 1 : b.dim(1), flip_b ? b.dim(1) : 1};
    multiply(call, left, right, m, k, n, [&](std::int64_t row, std::int64_t column, dot_t<T> sum) {
      dot_t<T> more{0};
      if (added != nullptr) {
        more = static_cast<dot_t<T>>(static_cast<compute_t<T>>(added[row * c_strides[0] + column * c_strides[1]]));
      }
      if constexpr (std::is_integral_v<T>) {
        // alpha and beta are floats. Sums wrap as integers do, but a product with a factor is rounded toward zero and
        // saturates; a factor of 1 must not go through f64, which would lose digits beyond 2^53.
        auto scaled = [](T x, double factor) {
          return factor == 1 ? x : saturated<T>(factor * static_cast<double>(x));
        };
        out[row * n + column] = wrap_add(scaled(sum, alpha), scaled(more, beta));
      } else {
        double result = alpha * sum + (added != nullptr ? beta * more : 0);
        out[row * n + column] = static_cast<T>(static_cast<compute_t<T>>(result));
      }
    });
    return {};
  });
}

constexpr AttributeDef attributes[] = {{"alpha", AttributeType::number, "the factor of A B; 1 if absent"},
                                       {"beta", AttributeType::number, "the factor of C; 1 if absent"},
                                       {"transA", AttributeType::integer, "1: A is transposed; 0 if absent"},
                                       {"transB", AttributeType::integer, "1: B is transposed; 0 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Gemm",
        .since = 13,
        .summary = "alpha A B + beta C, where A and B may be transposed and C broadcasts.",
        .inputs = "A B:A C?:A",
        .outputs = "Y",
        .types = "f32 f64 f16 bf16 i32 i64 u32 u64",
        .attributes = attributes,
        .traits = {.multiplications = matrix_products},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"a dense layer",
                               {f32({1, 2}, {1, 2}), f32({3, 2}, {1, 0, 0, 1, 1, 1}), f32({3}, {10, 20, 30})},
                               {{"transB", std::int64_t{1}}},
                               {f32({1, 3}, {11, 22, 33})}},
                              {"no C and a factor",
                               {f32({2, 1}, {1, 2}), f32({2, 1}, {3, 4})},
                               {{"transA", std::int64_t{1}}, {"alpha", 0.5f}},
                               {f32({1, 1}, {5.5f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Gemm", evaluate}};

}  // namespace

std::span<const OpDef> gemm_ops() { return defs; }
std::span<const OpRun> gemm_runs() { return runs; }

}  // namespace modelctl::ops
