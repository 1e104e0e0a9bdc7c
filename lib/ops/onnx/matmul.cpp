// MatMul, as numpy's: the last two axes are matrices, those before are batches that broadcast; a vector on the left is
// a row, one on the right a column, and that axis disappears. Products with constant weights become modelctl::Gemm
// (passes/dense_products.cpp); this lowers the rest.
#include "kernels/gemm.hpp"
#include "ops/family/cost.hpp"
#include "ops/reference/broadcast.hpp"
#include "ops/reference/multiply.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  call.set_output(0, element, TRY(matmul_shape(call, 0, 1)));
  return {};
}

// Y[b, i, j] = sum over k of A[b, i, k] B[b, k, j]. Floats are summed in f64 and integers in their own type, where they
// wrap. A batch axis of size 1 has stride 0 in the walk over batches, so that a matrix that broadcasts is read again
// and not copied. An inner size of 0 is an empty sum: Y is all zeros.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1);
  TRY(same_type(a, b));
  MatMulSizes sizes = TRY(matmul_sizes(a.dims, b.dims));
  return for_type<MatrixTypes>(a.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, a.type, sizes.dims));
    if (y.elements() == 0) return {};
    const std::int64_t m = sizes.m, k = sizes.k, n = sizes.n;
    T* out = y.as<T>().data();
    for_each_index<2>(
        sizes.batch, {broadcast_strides(sizes.a_batch, sizes.batch), broadcast_strides(sizes.b_batch, sizes.batch)},
        [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
          Matrix<T> left{a.as<T>().data() + at[0] * m * k, k, 1}, right{b.as<T>().data() + at[1] * k * n, n, 1};
          T* product = out + i * m * n;
          multiply(call, left, right, m, k, n, [&](std::int64_t row, std::int64_t column, dot_t<T> sum) {
            product[row * n + column] = static_cast<T>(static_cast<compute_t<T>>(sum));
          });
        });
    return {};
  });
}

// A constant matrix is packed when the model is built; a computed one is packed in each run.
//
// With one constant matrix for all batches, the batch axes of A and its rows fold into one long list of rows: a single
// product of [batches * m, k] by [k, n], which uses the packed panels far better than many small products. A vector A
// is one row. Constant batches of matrices, and products of computed matrices, go to matmul_f32; it does not take
// vectors, whose axis would have to be added and removed, so those run in the reference implementation.
Result<bool> lower(Lowering& call) {
  if (!call.plain_f32(0) || !call.plain_f32(1)) return false;
  const graph::Shape &a = *call.shape(0), &b = *call.shape(1);
  if (const Tensor* weights = call.constant(1); weights != nullptr && b.size() == 2 && !a.empty()) {
    call.emit("gemm_f32", {call.node().input(0), kernels::pack_gemm_weights(weights->view(), false)}, {});
    return true;
  }
  if (a.size() < 2 || b.size() < 2) return false;
  call.emit("matmul_f32", {call.node().input(0), call.node().input(1)}, {});
  return true;
}

constexpr OpDef defs[] = {
    {
        .name = "MatMul",
        .since = 13,
        .summary = "Matrix multiplication, with batches that broadcast.",
        .inputs = "A B:A",
        .outputs = "Y",
        .types = "f32 f64 f16 bf16 i32 i64 u32 u64",
        .traits = {.multiplications = matrix_products},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"two matrices",
                               {f32({2, 2}, {1, 2, 3, 4}), f32({2, 3}, {1, 0, 1, 0, 1, 1})},
                               {},
                               {f32({2, 3}, {1, 2, 3, 3, 4, 7})}},
                              {"a batch by one matrix",
                               {f32({2, 1, 2}, {1, 2, 3, 4}), f32({2, 1}, {1, 1})},
                               {},
                               {f32({2, 1, 1}, {3, 7})}},
                              {"two vectors", {f32({2}, {1, 2}), f32({2}, {3, 4})}, {}, {f32({}, {11})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "MatMul", evaluate}};

}  // namespace

std::span<const OpDef> matmul_ops() { return defs; }
std::span<const OpRun> matmul_runs() { return runs; }

}  // namespace modelctl::ops
