// Pooling against direct loops, with NaN and padding.
#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

struct Case {
  std::int64_t height, width, channels, kernel, stride, dilation, before, after;
  bool ceil = false, include = false;
  std::int64_t size(std::int64_t in) const {
    const std::int64_t room = in + before + after - dilation * (kernel - 1) - 1;
    std::int64_t out = (ceil ? room + stride - 1 : room) / stride + 1;
    if (ceil && (out - 1) * stride >= in + before) --out;
    return out;
  }
};

void check(const Case& c) {
  CAPTURE(c.width);
  CAPTURE(c.channels);
  CAPTURE(c.kernel);
  CAPTURE(c.stride);
  CAPTURE(c.ceil);
  const std::int64_t height = c.size(c.height), width = c.size(c.width);
  const Tensor x = random({2, c.height, c.width, c.channels}, 1);
  std::vector<double> largest, mean;
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        for (std::int64_t ch = 0; ch < c.channels; ++ch) {
          double top = -std::numeric_limits<double>::infinity(), sum = 0;
          int count = 0, padded = 0;
          for (std::int64_t ky = 0; ky < c.kernel; ++ky)
            for (std::int64_t kx = 0; kx < c.kernel; ++kx) {
              const std::int64_t row = i * c.stride - c.before + ky * c.dilation;
              const std::int64_t column = j * c.stride - c.before + kx * c.dilation;
              if (row < c.height + c.after && column < c.width + c.after) ++padded;
              if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
              const double value =
                  x.as<float>()[static_cast<std::size_t>(((n * c.height + row) * c.width + column) * c.channels + ch)];
              top = std::max(top, value);
              sum += value;
              ++count;
            }
          largest.push_back(top);
          mean.push_back(sum / (c.include ? padded : count));
        }
  KernelRun run{"max_pool_nhwc_f32",
                {{"kernel_shape", std::vector{c.kernel, c.kernel}},
                 {"strides", std::vector{c.stride, c.stride}},
                 {"dilations", std::vector{c.dilation, c.dilation}},
                 {"pads", std::vector{c.before, c.before, c.after, c.after}},
                 {"ceil_mode", std::int64_t{c.ceil}},
                 {"count_include_pad", std::int64_t{c.include}}},
                {x},
                {{2, height, width, c.channels}}};
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    run.name = "max_pool_nhwc_f32";
    CHECK(distance(run.run_alone(cpu), largest) == 0);
    run.name = "average_pool_nhwc_f32";
    CHECK(distance(run.run_alone(cpu), mean) < 1e-6);
  }
}

}  // namespace

TEST_CASE("pools agree with the plain loops") {
  for (std::int64_t channels : {1, 16, 21}) {
    for (bool ceil : {false, true}) {
      for (bool include : {false, true}) {
        check({8, 11, channels, 2, 2, 1, 0, 0, ceil, include});
        check({8, 11, channels, 3, 2, 1, 1, 1, ceil, include});
        check({9, 12, channels, 3, 3, 2, 1, 2, ceil, include});
        check({9, 12, channels, 6, 5, 1, 0, 1, ceil, include});
      }
    }
  }
}

TEST_CASE("the global average is the mean of each channel") {
  for (std::int64_t channels : {1, 16, 130, 300}) {
    const Tensor x = random({3, 5, 7, channels}, 1);
    std::vector<double> want(static_cast<std::size_t>(3 * channels));
    for (std::size_t i = 0; i < x.as<float>().size(); ++i) {
      const auto size = static_cast<std::size_t>(channels);
      want[i / (35 * size) * size + i % size] += double(x.as<float>()[i]) / 35;
    }
    for (const Dims& dims : {Dims{3, 1, 1, channels}, Dims{3, channels}}) {
      const KernelRun run{"global_average_pool_nhwc_f32", {}, {x}, {dims}};
      for (kernels::Cpu cpu : cpus()) CHECK(distance(run.run_alone(cpu), want) < 1e-6);
    }
  }
}

TEST_CASE("a NaN in a window makes its maximum NaN") {
  Tensor x = random({1, 1, 9, 3}, 1);
  x.mutable_view().as<float>()[4 * 3 + 1] = std::numeric_limits<float>::quiet_NaN();
  const KernelRun run{"max_pool_nhwc_f32", {{"kernel_shape", std::vector<std::int64_t>{1, 3}}}, {x}, {{1, 1, 7, 3}}};
  for (kernels::Cpu cpu : cpus()) {
    const Tensor y = run.run_alone(cpu);
    for (std::size_t i = 0; i < 21; ++i)
      CHECK(std::isnan(y.as<float>()[i]) == (i % 3 == 1 && i / 3 >= 2 && i / 3 <= 4));
  }
}

TEST_CASE("pools refuse operands that do not fit") {
  KernelRun run{"max_pool_nhwc_f32",
                {{"kernel_shape", std::vector<std::int64_t>{2, 2}}},
                {random({1, 4, 4, 3}, 1)},
                {{1, 3, 3, 4}}};
  CHECK(run.refusal() == "cannot bind kernel 'max_pool_nhwc_f32': X and Y differ in channels");
  run.outputs = {{1, 4, 3, 3}};
  CHECK(run.refusal() == "cannot bind kernel 'max_pool_nhwc_f32': Y has the size 4 in axis 0, not 3");
  run = {"global_average_pool_nhwc_f32", {}, {random({2, 4, 4, 3}, 1)}, {{2, 1, 1, 4}}};
  CHECK(run.refusal() ==
        "cannot bind kernel 'global_average_pool_nhwc_f32': Y has the dimensions [2,1,1,4], not [2,1,1,3]");
}
