// Resizing gives the same for both layouts and any number of threads.
#include "kernels/resize.hpp"

#include "run_kernel.hpp"
#include "runtime/thread_pool.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

KernelRun twice(Dims in, Dims out, const char* mode = "linear") {
  return {"resize_f32", {{"mode", std::string(mode)}}, {random(std::move(in), 1)}, {std::move(out)}};
}

}  // namespace

TEST_CASE("an image resized with channels first and last is the same, on any number of threads") {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    CAPTURE(std::string(mode));
    const std::int64_t h = 7, w = 9, c = 19;
    KernelRun last = twice({1, h, w, c}, {1, 11, 25, c}, mode), first = twice({1, c, h, w}, {1, c, 11, 25}, mode);
    const auto from = last.inputs[0].as<float>();
    auto to = first.inputs[0].mutable_view().as<float>();
    for (std::int64_t i = 0; i < h * w * c; ++i) {
      to[static_cast<std::size_t>(i % c * h * w + i / c)] = from[static_cast<std::size_t>(i)];
    }
    runtime::ThreadPool two(2);
    for (kernels::Cpu cpu : cpus()) {
      const Tensor a = last.run_alone(cpu), b = first.run_alone(cpu);
      auto shared = last.run(cpu, two);
      REQUIRE(shared.has_value());
      CHECK(same(a, (*shared)[0]));
      std::vector<double> want;
      for (std::int64_t i = 0; i < 11 * 25 * c; ++i) {
        want.push_back(b.as<float>()[static_cast<std::size_t>(i % c * 11 * 25 + i / c)]);
      }
      CHECK(distance(a, want) < 2e-6);
    }
  }
}

TEST_CASE("resizing refuses scales and axes that do not fit") {
  KernelRun apart = twice({2, 3, 2}, {4, 3, 4});
  CHECK(apart.refusal() == "cannot bind kernel 'resize_f32': the resized axes are not neighbors");
  KernelRun scaled = twice({2, 2}, {2, 4});
  scaled.attributes.set("scales", std::vector<float>{1, 1e-9f});
  CHECK(scaled.refusal() == "cannot bind kernel 'resize_f32': a scale does not give the size of Y");
  scaled.attributes.set("scales", std::vector<float>{2});
  CHECK(scaled.refusal() == "cannot bind kernel 'resize_f32': there is not one scale for each axis");
  CHECK(twice({0}, {4}).refusal() == "cannot bind kernel 'resize_f32': there is nothing to interpolate");
}
