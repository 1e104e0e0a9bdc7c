// modelctl::Gemm: the product with a constant matrix and an epilogue: Y = activation(A x B + bias + R).
//   A [..., K], whose leading dimensions are rows   B [K, N], or [N, K] if transposed   bias [N]   R and Y [..., N]
// dense-products makes it of MatMul and Gemm. It has no alpha and beta: they are folded into B and the bias.
#include "kernels/gemm.hpp"
#include "ops/family/fused_attributes.hpp"
#include "ops/reference/activation.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

// The leading axes of A pass through: the kernel multiplies all rows at once, whatever axes they come from.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  TRY(need_rank(call, 0, 1));
  TRY(need_rank(call, 1, 2, 2));
  const Shape *a = call.shape(0), *b = call.shape(1);
  if (a == nullptr || b == nullptr) {
    call.set_output(0, element, a == nullptr ? std::nullopt : std::optional(unknown_shape(call, a->size())));
    return {};
  }
  bool flip = call.attributes().integer("transposed") != 0;
  TRY(same_size(call, a->back(), (*b)[flip ? 1 : 0]));
  Shape shape = *a;
  shape.back() = (*b)[flip ? 0 : 1];
  call.set_output(0, element, std::move(shape));
  return {};
}

// Sums are in f64, where products of f32 are exact.
// A product of two f32 has 48 bits, and an f64 holds 53. The residual is added before the activation.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1), &bias = call.input(2), &r = call.input(3);
  TRY(need_rank(a, 1, "A"));
  if (a.type != DType::f32 || b.type != DType::f32) return refuse_type(a.type);
  // Every length is checked before the loops, which read by index.
  bool flip = call.attributes.integer("transposed") != 0;
  if (b.rank() != 2 || b.dim(flip ? 1 : 0) != a.dims.back()) return refuse("A's rows do not fit B's columns");
  Activation activation = TRY(Activation::read(call.attributes));
  std::int64_t k = a.dims.back(), n = b.dim(flip ? 0 : 1);
  Dims dims(a.dims.begin(), a.dims.end());
  dims.back() = n;
  if (bias.present() && (bias.type != DType::f32 || bias.elements() != n)) return refuse("the bias does not fit B");
  if (r.present() && (r.type != DType::f32 || Dims(r.dims.begin(), r.dims.end()) != dims)) {
    return refuse("R does not have the output's shape");
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  std::int64_t m = product(DimsView(dims).first(dims.size() - 1));
  const float *left = a.as<float>().data(), *right = b.as<float>().data();
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t column = 0; column < n; ++column) {
      auto at = static_cast<std::size_t>(row * n + column);
      double sum = bias.present() ? bias.as<float>()[static_cast<std::size_t>(column)] : 0;
      for (std::int64_t i = 0; i < k; ++i) {
        sum += double{left[row * k + i]} * double{right[flip ? column * k + i : i * n + column]};
      }
      if (r.present()) sum += r.as<float>()[at];
      y.as<float>()[at] = static_cast<float>(activation(sum));
    }
  }
  return {};
}

// B is packed into panels of columns at build time, and read in that order; a computed B stays with evaluate.
Result<bool> lower(Lowering& call) {
  const Tensor* b = call.constant(1);
  if (b == nullptr || b->type() != DType::f32 || !call.plain_f32(0)) return false;
  const graph::Node& node = call.node();
  call.emit("gemm_f32",
            {node.input(0), kernels::pack_gemm_weights(b->view(), node.attributes.integer("transposed") != 0),
             node.input(2), node.input(3)},
            only(node.attributes, {"activation", "alpha", "beta"}));
  return true;
}

constexpr AttributeDef attributes[] = {activation_attribute,
                                       activation_alpha,
                                       activation_beta,
                                       {"transposed", AttributeType::integer, "1: B is [N,K]; 0 if absent: [K,N]"}};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "Gemm",
        .since = 1,
        .summary = "The product with a matrix, then bias, residual and activation.",
        .inputs = "A B bias? R?",
        .outputs = "Y",
        .types = "f32",
        .attributes = attributes,
        .traits = {.epilogue = true},
        .infer = infer,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"rows of a batch, and a bias",
                               {f32({2, 1, 2}, {1, 2, 3, 4}), f32({2, 2}, {1, 0, 1, 1}), f32({2}, {10, 20})},
                               {},
                               {f32({2, 1, 2}, {13, 22, 17, 24})}},
                              {"B transposed, a residual, and negative sums cut off",
                               {f32({1, 2}, {1, 2}), f32({2, 2}, {1, 1, -1, -1}), Tensor(), f32({1, 2}, {1, 1})},
                               {{"transposed", std::int64_t{1}}, {"activation", std::string("relu")}},
                               {f32({1, 2}, {4, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "Gemm", evaluate}};

}  // namespace

std::span<const OpDef> dense_ops() { return defs; }
std::span<const OpRun> dense_runs() { return runs; }

}  // namespace modelctl::ops
