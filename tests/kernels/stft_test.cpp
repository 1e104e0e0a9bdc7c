// The short-time Fourier transform as a matrix product, against a direct sum.
#include "kernels/stft.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

KernelRun stft(std::int64_t batch, std::int64_t size, std::int64_t length, std::int64_t step, bool complex) {
  const std::int64_t bins = complex ? length : length / 2 + 1;
  return {"stft_f32",
          {{"length", length}, {"step", step}, {"bins", bins}},
          {random({batch, size, complex ? 2 : 1}, 1),
           kernels::pack_stft_weights(random({length}, 2).view(), length, bins, complex)},
          {{batch, 1 + (size - length) / step, bins, 2}}};
}

}  // namespace

TEST_CASE("the spectra of frames agree with the plain sum, for real and complex signals") {
  for (std::int64_t length : {1, 2, 7, 16, 50}) {
    for (bool complex : {false, true}) {
      CAPTURE(length);
      const KernelRun run = stft(2, 60, length, 3, complex);
      const Tensor window = random({length}, 2);
      std::vector<double> want;
      const Dims& y = run.outputs[0];
      for (std::int64_t frame = 0; frame < 2 * y[1]; ++frame) {
        for (std::int64_t bin = 0; bin < y[2]; ++bin) {
          double re = 0, im = 0;
          for (std::int64_t i = 0; i < length; ++i) {
            const auto at = static_cast<std::size_t>(frame / y[1] * 60 + frame % y[1] * 3 + i);
            const auto x = run.inputs[0].as<float>();
            const double w = window.as<float>()[static_cast<std::size_t>(i)];
            const double a = x[complex ? 2 * at : at] * w, b = complex ? x[2 * at + 1] * w : 0;
            const double angle =
                -2 * 3.14159265358979323846 * static_cast<double>(i * bin) / static_cast<double>(length);
            re += a * std::cos(angle) - b * std::sin(angle);
            im += a * std::sin(angle) + b * std::cos(angle);
          }
          want.push_back(re);
          want.push_back(im);
        }
      }
      for (kernels::Cpu cpu : cpus()) CHECK(distance(run.run_alone(cpu), want) < 3e-6);
    }
  }
}

TEST_CASE("the STFT kernel refuses a signal without frames") {
  const auto refusal = [](auto change) {
    KernelRun run = stft(1, 20, 8, 4, false);
    change(run);
    return run.refusal();
  };
  CHECK(refusal([](KernelRun& run) { run.attributes.set("step", std::int64_t{0}); }) ==
        "cannot bind kernel 'stft_f32': it has no frames or bins");
  CHECK(refusal([](KernelRun& run) { run.attributes.set("length", std::int64_t{21}); }) ==
        "cannot bind kernel 'stft_f32': a frame is longer than the signal");
  CHECK(refusal([](KernelRun& run) {
          run.inputs[0] = random({1, 20, 3}, 1);
        }) == "cannot bind kernel 'stft_f32': the signal is neither real nor complex");
  CHECK(refusal([](KernelRun& run) { run.inputs[1] = random({16}, 1); }) ==
        "cannot bind kernel 'stft_f32': the matrix has the dimensions [16], not [128]");
}
