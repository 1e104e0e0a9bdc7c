// Convolution against a direct sum, with sizes that leave every remainder of the vector width and of the tile.
#include "kernels/conv.hpp"

#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;
using kernels::pack_conv_weights;

namespace {

struct Case {
  std::int64_t batch = 1, height = 1, width = 1, channels = 1, out = 1;
  std::int64_t kernel_y = 1, kernel_x = 1;
  std::int64_t stride_y = 1, stride_x = 1;
  std::int64_t dilation_y = 1, dilation_x = 1;
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  std::int64_t group = 1;
  bool bias = false, residual = false;
  std::string_view activation = "none";

  std::int64_t out_height() const { return (height + top + bottom - dilation_y * (kernel_y - 1) - 1) / stride_y + 1; }
  std::int64_t out_width() const { return (width + left + right - dilation_x * (kernel_x - 1) - 1) / stride_x + 1; }
  std::string text() const {
    std::string all;
    for (std::int64_t v : {batch, height, width, channels, out, kernel_y, kernel_x, stride_y, stride_x, dilation_y,
                           dilation_x, top, left, bottom, right, group}) {
      all += std::to_string(v) + " ";
    }
    return all + std::string(activation);
  }
};

std::vector<double> expected(const Case& c, const Tensor& x, const Tensor& w, const Tensor& bias,
                             const Tensor& residual) {
  std::vector<double> y;
  const std::int64_t depth = c.channels / c.group, columns = c.out / c.group;
  const auto at = [](const Tensor& t, std::int64_t i) { return double(t.as<float>()[static_cast<std::size_t>(i)]); };
  for (std::int64_t n = 0; n < c.batch; ++n)
    for (std::int64_t i = 0; i < c.out_height(); ++i)
      for (std::int64_t j = 0; j < c.out_width(); ++j)
        for (std::int64_t o = 0; o < c.out; ++o) {
          double sum = c.bias ? at(bias, o) : 0;
          for (std::int64_t ky = 0; ky < c.kernel_y; ++ky)
            for (std::int64_t kx = 0; kx < c.kernel_x; ++kx) {
              const std::int64_t row = i * c.stride_y - c.top + ky * c.dilation_y;
              const std::int64_t column = j * c.stride_x - c.left + kx * c.dilation_x;
              if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
              for (std::int64_t k = 0; k < depth; ++k) {
                sum += at(x, ((n * c.height + row) * c.width + column) * c.channels + o / columns * depth + k) *
                       at(w, ((o * depth + k) * c.kernel_y + ky) * c.kernel_x + kx);
              }
            }
          if (c.residual) sum += at(residual, static_cast<std::int64_t>(y.size()));
          y.push_back(activate(c.activation, sum));
        }
  return y;
}

KernelRun prepare(const Case& c, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual) {
  KernelRun run{"conv_nhwc_f32",
                {{"kernel_shape", std::vector{c.kernel_y, c.kernel_x}},
                 {"strides", std::vector{c.stride_y, c.stride_x}},
                 {"dilations", std::vector{c.dilation_y, c.dilation_x}},
                 {"pads", std::vector{c.top, c.left, c.bottom, c.right}},
                 {"group", c.group}},
                {x, pack_conv_weights(w.view(), c.group), bias, residual},
                {{c.batch, c.out_height(), c.out_width(), c.out}}};
  set_activation(run.attributes, c.activation);
  return run;
}

void check(const Case& c) {
  CAPTURE(c.text());
  const Tensor x = random({c.batch, c.height, c.width, c.channels}, 1);
  const Tensor w = random({c.out, c.channels / c.group, c.kernel_y, c.kernel_x}, 2);
  const Tensor bias = c.bias ? random({c.out}, 3) : Tensor();
  const Tensor residual = c.residual ? random({c.batch, c.out_height(), c.out_width(), c.out}, 4) : Tensor();
  const KernelRun run = prepare(c, x, w, bias, residual);
  const auto want = expected(c, x, w, bias, residual);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    CHECK(distance(run.run_alone(cpu), want) < 3e-5);
  }
}

}  // namespace

TEST_CASE("convolution agrees with the plain sum at every remainder of width and channels") {
  for (std::int64_t width = 1; width <= 32; ++width) {
    check({.height = 3,
           .width = width,
           .channels = 17,
           .out = 5,
           .kernel_y = 3,
           .kernel_x = 3,
           .top = 1,
           .left = 1,
           .bottom = 1,
           .right = 1});
  }
  for (std::int64_t channels : {1, 2, 3, 4, 15, 16, 17, 32, 33}) {
    for (std::int64_t out : {1, 7, 16, 24, 32, 47, 64, 65}) {
      check({.height = 5,
             .width = 9,
             .channels = channels,
             .out = out,
             .kernel_y = 3,
             .kernel_x = 3,
             .top = 1,
             .left = 1,
             .bottom = 1,
             .right = 1,
             .bias = true});
    }
  }
}

TEST_CASE("convolution takes windows of one tap, of one row and of one column") {
  check({.batch = 2, .height = 7, .width = 11, .channels = 19, .out = 37, .bias = true, .residual = true});
  check({.height = 7, .width = 11, .channels = 19, .out = 37, .stride_y = 2, .stride_x = 2, .bias = true});
  check({.width = 50, .channels = 20, .out = 33, .kernel_x = 5, .left = 2, .right = 2});
  check({.width = 50, .channels = 3, .out = 33, .kernel_x = 5, .left = 4});
  check({.height = 50, .channels = 20, .out = 33, .kernel_y = 5, .top = 2, .bottom = 2});
  check({.height = 1, .width = 400, .channels = 1, .out = 18, .kernel_x = 80, .stride_x = 16});
}

TEST_CASE("convolution honors strides, dilations and pads of each side") {
  for (std::int64_t channels : {3, 18}) {
    for (std::int64_t stride : {1, 2, 3}) {
      for (std::int64_t dilation : {1, 2}) {
        check({.batch = 2,
               .height = 13,
               .width = 17,
               .channels = channels,
               .out = 21,
               .kernel_y = 3,
               .kernel_x = 2,
               .stride_y = stride,
               .stride_x = 4 - stride,
               .dilation_y = dilation,
               .dilation_x = 3 - dilation,
               .top = 1,
               .left = 3,
               .bottom = 2,
               .right = 0,
               .bias = true});
      }
    }
  }
}

TEST_CASE("convolution takes pads that reach beyond the window, and an input smaller than the window") {
  check({.height = 2,
         .width = 2,
         .channels = 16,
         .out = 8,
         .kernel_y = 3,
         .kernel_x = 3,
         .top = 5,
         .left = 5,
         .bottom = 4,
         .right = 4,
         .bias = true});
  check({.height = 2,
         .width = 2,
         .channels = 2,
         .out = 8,
         .kernel_y = 5,
         .kernel_x = 5,
         .top = 3,
         .left = 3,
         .bottom = 3,
         .right = 3});
}

TEST_CASE("convolution takes tiles of several rows, some of which have no use for a tap between") {
  for (std::int64_t height : {1, 2, 3, 5}) {
    for (std::int64_t width : {1, 3, 7}) {
      for (std::int64_t stride : {1, 2, 3}) {
        for (std::int64_t channels : {2, 16}) {
          check({.height = height,
                 .width = width,
                 .channels = channels,
                 .out = 20,
                 .kernel_y = 3,
                 .kernel_x = 3,
                 .stride_y = stride,
                 .stride_x = 4 - stride,
                 .top = 2,
                 .left = 1,
                 .bottom = 3,
                 .right = 2});
          check({.batch = 2,
                 .height = height,
                 .width = width,
                 .channels = channels,
                 .out = 20,
                 .kernel_y = 2,
                 .stride_y = stride,
                 .dilation_y = stride,
                 .top = 3,
                 .bottom = 3});
        }
      }
    }
  }
}

TEST_CASE("convolution takes groups") {
  for (std::int64_t group : {2, 3, 6}) {
    check({.batch = 2,
           .height = 6,
           .width = 15,
           .channels = 12,
           .out = 18,
           .kernel_y = 3,
           .kernel_x = 3,
           .top = 1,
           .left = 1,
           .bottom = 1,
           .right = 1,
           .group = group,
           .bias = true});
    check({.height = 6, .width = 15, .channels = 12, .out = 102, .group = group});
  }
  check(
      {.height = 6, .width = 8, .channels = 40, .out = 40, .kernel_y = 3, .kernel_x = 3, .group = 2, .residual = true});
}

TEST_CASE("convolution is cut into blocks without a seam") {
  check({.batch = 2,
         .height = 30,
         .width = 33,
         .channels = 32,
         .out = 72,
         .kernel_y = 3,
         .kernel_x = 3,
         .top = 1,
         .left = 1,
         .bottom = 1,
         .right = 1,
         .bias = true,
         .residual = true,
         .activation = "relu"});
  check({.height = 7,
         .width = 7,
         .channels = 130,
         .out = 300,
         .kernel_y = 3,
         .kernel_x = 3,
         .top = 1,
         .left = 1,
         .bottom = 1,
         .right = 1});
}

TEST_CASE("convolution applies each activation after bias and residual") {
  for (std::string_view activation : activations) {
    check({.height = 4,
           .width = 5,
           .channels = 3,
           .out = 20,
           .kernel_y = 3,
           .kernel_x = 3,
           .bias = true,
           .residual = true,
           .activation = activation});
  }
}

TEST_CASE("convolution of an empty batch gives nothing") {
  check({.batch = 0,
         .height = 4,
         .width = 5,
         .channels = 3,
         .out = 20,
         .kernel_y = 3,
         .kernel_x = 3,
         .top = 1,
         .left = 1});
}

TEST_CASE("convolution over one dimension is that over an image of height 1") {
  const Tensor x = random({2, 40, 20}, 1), w = random({9, 20, 5}, 2);
  const KernelRun run{"conv_nhwc_f32",
                      {{"kernel_shape", std::vector<std::int64_t>{5}}, {"pads", std::vector<std::int64_t>{1, 2}}},
                      {x, pack_conv_weights(w.view(), 1)},
                      {{2, 39, 9}}};
  const Case c{.batch = 2, .width = 40, .channels = 20, .out = 9, .kernel_x = 5, .left = 1, .right = 2};
  for (kernels::Cpu cpu : cpus()) CHECK(distance(run.run_alone(cpu), expected(c, x, w, {}, {})) < 3e-5);
}

TEST_CASE("convolution refuses operands that do not fit") {
  const Case c{.height = 8, .width = 8, .channels = 4, .out = 6, .kernel_y = 3, .kernel_x = 3};
  const Tensor x = random({1, 8, 8, 4}, 1), w = random({6, 4, 3, 3}, 2);
  const KernelRun good = prepare(c, x, w, {}, {});
  const std::string cannot = "cannot bind kernel 'conv_nhwc_f32': ";
  KernelRun run = good;
  run.outputs = {{1, 6, 7, 6}};
  CHECK(run.refusal() == cannot + "Y has the size 7 in axis 1, not 6");
  run = good;
  run.attributes.erase("kernel_shape");
  CHECK(run.refusal() == cannot + "attribute 'kernel_shape' is missing");
  run = good;
  run.attributes.set("strides", std::vector<std::int64_t>{0, 1});
  CHECK(run.refusal() == cannot + "attribute 'strides' has the value 0");
  run = good;
  run.attributes.set("pads", std::vector<std::int64_t>{1, 1});
  CHECK(run.refusal() == cannot + "attribute 'pads' has 2 values, not 4");
  run = good;
  run.attributes.set("group", std::int64_t{3});
  CHECK(run.refusal() == cannot + "attribute 'group' does not divide the channels");
  run = good;
  run.inputs[1] = random({100}, 1);
  CHECK(run.refusal() == cannot + "W has the dimensions [100], not [576]");
  run = good;
  run.inputs[0] = random({8, 4}, 1);
  CHECK(run.refusal() == cannot + "X is neither [N,W,C] nor [N,H,W,C]");
  run = good;
  run.outputs = {{2, 6, 6, 6}};
  CHECK(run.refusal() == cannot + "X and Y differ in batch size");
}
