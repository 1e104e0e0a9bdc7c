// Depthwise convolution against a direct sum.
#include "kernels/depthwise_conv.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

struct Case {
  std::int64_t batch = 1, height = 1, width = 1, channels = 1, kernel = 3, stride = 1, dilation = 1, before = 0,
               after = 0;
  std::string_view activation = "none";
  std::int64_t size(std::int64_t in) const { return (in + before + after - dilation * (kernel - 1) - 1) / stride + 1; }
};

void check(const Case& c) {
  CAPTURE(c.height);
  CAPTURE(c.width);
  CAPTURE(c.channels);
  CAPTURE(c.stride);
  CAPTURE(c.before);
  const std::int64_t height = c.size(c.height), width = c.size(c.width);
  const Tensor x = random({c.batch, c.height, c.width, c.channels}, 1);
  const Tensor w = random({c.channels, 1, c.kernel, c.kernel}, 2), bias = random({c.channels}, 3);
  const Tensor residual = random({c.batch, height, width, c.channels}, 4);
  const auto at = [](const Tensor& t, std::int64_t i) { return double(t.as<float>()[static_cast<std::size_t>(i)]); };
  std::vector<double> want;
  for (std::int64_t n = 0; n < c.batch; ++n)
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        for (std::int64_t ch = 0; ch < c.channels; ++ch) {
          double sum = at(bias, ch) + at(residual, static_cast<std::int64_t>(want.size()));
          for (std::int64_t ky = 0; ky < c.kernel; ++ky)
            for (std::int64_t kx = 0; kx < c.kernel; ++kx) {
              const std::int64_t row = i * c.stride - c.before + ky * c.dilation;
              const std::int64_t column = j * c.stride - c.before + kx * c.dilation;
              if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
              sum += at(x, ((n * c.height + row) * c.width + column) * c.channels + ch) *
                     at(w, (ch * c.kernel + ky) * c.kernel + kx);
            }
          want.push_back(activate(c.activation, sum));
        }
  KernelRun run{"depthwise_conv_nhwc_f32",
                {{"kernel_shape", std::vector{c.kernel, c.kernel}},
                 {"strides", std::vector{c.stride, c.stride}},
                 {"dilations", std::vector{c.dilation, c.dilation}},
                 {"pads", std::vector{c.before, c.before, c.after, c.after}}},
                {x, kernels::pack_depthwise_weights(w.view()), bias, residual},
                {{c.batch, height, width, c.channels}}};
  set_activation(run.attributes, c.activation);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    CHECK(distance(run.run_alone(cpu), want) < 1e-5);
  }
}

}  // namespace

TEST_CASE("depthwise convolution agrees with the plain sum at every remainder of width and channels") {
  for (std::int64_t width = 3; width <= 16; ++width) {
    for (std::int64_t channels : {1, 5, 16, 35}) {
      check({.batch = 2, .height = 5, .width = width, .channels = channels, .before = 1, .after = 1});
    }
  }
}

TEST_CASE("depthwise convolution honors strides, dilations, pads and activations") {
  for (std::int64_t stride : {1, 2, 3}) {
    check({.height = 9, .width = 20, .channels = 24, .kernel = 5, .stride = stride, .before = 1, .after = 3});
    check({.height = 9, .width = 20, .channels = 24, .stride = stride, .dilation = 2, .before = 2, .after = 2});
  }
  check({.height = 2, .width = 2, .channels = 8, .before = 4, .after = 4});
  for (std::string_view activation : activations) {
    check({.height = 4, .width = 9, .channels = 20, .activation = activation});
  }
}

TEST_CASE("depthwise convolution refuses operands that do not fit") {
  const KernelRun good{"depthwise_conv_nhwc_f32",
                       {{"kernel_shape", std::vector<std::int64_t>{3, 3}}},
                       {random({1, 5, 5, 4}, 1), kernels::pack_depthwise_weights(random({4, 1, 3, 3}, 2).view())},
                       {{1, 3, 3, 4}}};
  const std::string cannot = "cannot bind kernel 'depthwise_conv_nhwc_f32': ";
  KernelRun run = good;
  run.outputs = {{1, 3, 3, 8}};
  CHECK(run.refusal() == cannot + "X and Y differ in channels");
  run = good;
  run.inputs[1] = random({16}, 1);
  CHECK(run.refusal() == cannot + "W has the dimensions [16], not [144]");
  run = good;
  run.attributes.set("kernel_shape", std::vector<std::int64_t>{100, 100});
  run.attributes.set("pads", std::vector<std::int64_t>{49, 49, 49, 49});
  run.outputs = {{1, 4, 4, 4}};
  CHECK(run.refusal() == cannot + "its window has more than 512 taps");
}
