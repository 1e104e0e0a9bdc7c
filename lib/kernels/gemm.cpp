// Checks the operands of a product with packed weights; product/product.hpp computes it.
#include "kernels/gemm.hpp"

#include "base/check.hpp"
#include "kernels/product/product.hpp"

namespace modelctl::kernels {
namespace {

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("gemm_f32", call);
  TRY(operands.floats(2, 4));
  const TensorView &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  if (a.rank() == 0 || y.rank() != a.rank()) return operands.refuse("A and Y differ in rank");
  const std::int64_t k = a.dims.back(), n = y.dims.back();
  Dims expected(a.dims.begin(), a.dims.end());
  expected.back() = n;
  TRY(operands.dims("Y", y, expected));
  TRY(operands.dims("B", b, {packed_size(k, n)}));
  if (operands.has(2)) TRY(operands.dims("the bias", call.inputs[2], {n}));
  if (operands.has(3)) TRY(operands.dims("the residual", call.inputs[3], y.dims));
  const Activation activation = TRY(read_activation(operands));
  const std::int64_t m = n == 0 ? 0 : y.elements() / n;
  return bind_product(simd(call.cpu.isa), m, k, n, activation);
}

constexpr KernelDef table[] = {{"gemm_f32", bind}};

}  // namespace

Tensor pack_gemm_weights(const TensorView& b, bool transposed, float factor) {
  MODELCTL_CHECK(b.type == DType::f32 && b.rank() == 2, "packed weights are made of an f32 matrix");
  const std::int64_t k = b.dim(transposed ? 1 : 0), n = b.dim(transposed ? 0 : 1);
  Tensor packed(DType::f32, {packed_size(k, n)});
  float* to = packed.mutable_view().as<float>().data();
  for (std::int64_t panel = 0; panel < ceil_div(n, panel_columns); ++panel) {
    pack_panel(static_cast<const float*>(b.data), transposed ? 1 : n, transposed ? k : 1, k, n, panel, factor,
               to + panel * panel_columns * k);
  }
  return packed;
}

std::span<const KernelDef> gemm_kernels() { return table; }

}  // namespace modelctl::kernels
