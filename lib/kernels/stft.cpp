// The short-time Fourier transform as a matrix product: the weights are the window times the roots of unity.
#include "kernels/stft.hpp"

#include "kernels/gemm.hpp"
#include "kernels/product/product.hpp"

#include <cmath>

namespace modelctl::kernels {
namespace {

class Stft final : public Bound {
 public:
  Stft(const Simd& simd, std::int64_t batch, std::int64_t signal, std::int64_t step, Blocks blocks)
      : simd_(simd), batch_(batch), signal_(signal), step_(step), blocks_(blocks) {}

  void run(const RunCall& call) const override {
    const std::int64_t each = blocks_.count();
    call.workers.for_each_tile(batch_ * each, [&](std::int64_t tile) {
      const std::int64_t row = tile / each;
      const Product product{static_cast<const float*>(call.inputs[0]) + row * signal_, step_,
                            static_cast<const float*>(call.inputs[1]),
                            static_cast<float*>(call.outputs[0]) + row * blocks_.m * blocks_.n, blocks_.n};
      run_block(simd_, blocks_, product, {}, tile % each);
    });
  }

 private:
  const Simd& simd_;
  std::int64_t batch_, signal_, step_;  // floats of a signal, floats from a frame to the next
  Blocks blocks_;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("stft_f32", call);
  TRY(operands.floats(2, 2));
  const TensorView& signal = call.inputs[0];
  if (signal.rank() < 2 || signal.rank() > 3) return operands.refuse("the signal has not two or three dimensions");
  const std::int64_t parts = signal.rank() == 3 ? signal.dim(2) : 1;
  if (parts != 1 && parts != 2) return operands.refuse("the signal is neither real nor complex");
  const std::int64_t length = TRY(operands.integer("length", 0)), step = TRY(operands.integer("step", 0));
  const std::int64_t bins = TRY(operands.integer("bins", 0));
  if (length < 1 || length > signal.dim(1)) return operands.refuse("a frame is longer than the signal");
  if (step < 1 || step > largest_size || bins < 1 || bins > length) return operands.refuse("it has no frames or bins");
  const std::int64_t frames = 1 + (signal.dim(1) - length) / step;
  TRY(operands.dims("the matrix", call.inputs[1], {packed_size(length * parts, 2 * bins)}));
  TRY(operands.dims("Y", call.outputs[0], {signal.dim(0), frames, bins, 2}));
  const Simd& table = simd(call.cpu.isa);
  return std::make_unique<Stft>(table, signal.dim(0), signal.dim(1) * parts, step * parts,
                                cut(table, frames, length * parts, 2 * bins));
}

constexpr KernelDef table[] = {{"stft_f32", bind}};

}  // namespace

Tensor pack_stft_weights(const TensorView& window, std::int64_t length, std::int64_t bins, bool complex) {
  const std::int64_t parts = complex ? 2 : 1;
  Tensor matrix(DType::f32, {length * parts, 2 * bins});
  float* to = matrix.mutable_view().as<float>().data();
  for (std::int64_t i = 0; i < length; ++i) {
    const double factor = i < window.elements() ? double{window.as<float>()[static_cast<std::size_t>(i)]} : 0.0;
    for (std::int64_t part = 0; part < parts; ++part) {  // what i adds to the bins; then, times the imaginary unit
      for (std::int64_t bin = 0; bin < bins; ++bin) {
        const double turn = static_cast<double>(i * bin % length) / static_cast<double>(length);
        const double angle = 2 * 3.14159265358979323846 * turn;
        const double re = factor * std::cos(angle), im = -factor * std::sin(angle);
        *to++ = static_cast<float>(part == 0 ? re : -im);
        *to++ = static_cast<float>(part == 0 ? im : re);
      }
    }
  }
  return pack_gemm_weights(matrix.view(), false);
}

std::span<const KernelDef> stft_kernels() { return table; }

}  // namespace modelctl::kernels
