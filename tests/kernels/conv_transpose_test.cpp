// The transposed convolution against sums in double precision, for kernels, strides, dilations, groups and cuts that do
// not divide.
#include "kernels/conv_transpose.hpp"
#include "run_kernel.hpp"
#include "runtime/thread_pool.hpp"

using namespace modelctl;
using namespace modelctl::test;
using kernels::TransposedAxis;
using Ints = std::vector<std::int64_t>;

namespace {

struct Case {
  Dims in;   // spatial sizes of X
  Dims out;  // and of Y
  std::vector<TransposedAxis> axes;
  std::int64_t batch = 1, channels = 1, maps = 1, group = 1;  // maps: of Y, in all
};

KernelRun run_of(const Case& c, std::string_view activation = "none", bool residual = false) {
  Dims x{c.batch}, w{c.channels, c.maps / c.group}, y{c.batch};
  x.insert(x.end(), c.in.begin(), c.in.end());
  y.insert(y.end(), c.out.begin(), c.out.end());
  x.push_back(c.channels);
  y.push_back(c.maps);
  Ints kernel, strides, dilations, begins;
  for (const TransposedAxis& axis : c.axes) {
    w.push_back(axis.kernel);
    kernel.push_back(axis.kernel);
    strides.push_back(axis.stride);
    dilations.push_back(axis.dilation);
    begins.push_back(axis.begin);
  }
  Attributes attributes{
      {"kernel_shape", kernel}, {"strides", strides}, {"dilations", dilations}, {"begins", begins}, {"group", c.group}};
  set_activation(attributes, activation);
  KernelRun run{
      "conv_transpose_nhwc_f32",
      std::move(attributes),
      {random(x, 1), kernels::pack_conv_transpose_weights(random(w, 2).view(), c.axes, c.group), random({c.maps}, 3)},
      {y}};
  if (residual) run.inputs.push_back(random(y, 4));
  return run;
}

std::vector<double> expected(const Case& c, std::string_view activation = "none", bool residual = false) {
  std::vector<TransposedAxis> axes(3);
  Dims in(3, 1), out(3, 1);
  for (std::size_t i = 0; i < c.axes.size(); ++i) {
    const std::size_t at = 3 - c.axes.size() + i;
    axes[at] = c.axes[i];
    in[at] = c.in[i];
    out[at] = c.out[i];
  }
  const KernelRun run = run_of(c, activation, residual);
  Dims w_dims{c.channels, c.maps / c.group};
  for (const TransposedAxis& axis : c.axes) w_dims.push_back(axis.kernel);
  const Tensor w = random(w_dims, 2);
  const auto x = run.inputs[0].as<float>(), b = run.inputs[2].as<float>(), weights = w.as<float>();
  const std::int64_t depth = c.channels / c.group, maps = c.maps / c.group;
  const std::int64_t taps = axes[0].kernel * axes[1].kernel * axes[2].kernel, all = out[0] * out[1] * out[2];
  std::vector<double> y(static_cast<std::size_t>(c.batch * all * c.maps));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = b[i % b.size()];
  for (std::int64_t n = 0; n < c.batch; ++n) {
    for (std::int64_t i = 0; i < in[0] * in[1] * in[2]; ++i) {
      for (std::int64_t k = 0; k < taps; ++k) {
        const std::int64_t at[] = {i / (in[1] * in[2]), i / in[2] % in[1], i % in[2]};
        const std::int64_t tap[] = {k / (axes[1].kernel * axes[2].kernel), k / axes[2].kernel % axes[1].kernel,
                                    k % axes[2].kernel};
        std::int64_t o = 0;
        bool inside = true;
        for (std::size_t a = 0; a < 3; ++a) {
          const std::int64_t along = at[a] * axes[a].stride + tap[a] * axes[a].dilation - axes[a].begin;
          inside = inside && along >= 0 && along < out[a];
          o = o * out[a] + along;
        }
        for (std::int64_t ch = 0; ch < c.channels && inside; ++ch) {
          for (std::int64_t m = 0; m < maps; ++m) {
            const double value = x[static_cast<std::size_t>((n * in[0] * in[1] * in[2] + i) * c.channels + ch)];
            y[static_cast<std::size_t>((n * all + o) * c.maps + ch / depth * maps + m)] +=
                value * weights[static_cast<std::size_t>((ch * maps + m) * taps + k)];
          }
        }
      }
    }
  }
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = activate(activation, y[i] + (residual ? run.inputs[3].as<float>()[i] : 0.0f));
  }
  return y;
}

const Case cases[] = {
    {{7}, {14}, {{4, 2, 1, 1}}, 2, 5, 3},
    {{9}, {80}, {{16, 8, 1, 0}}, 1, 20, 40},
    {{3}, {400}, {{256, 128, 1, 5}}, 1, 3, 2},
    {{5}, {23}, {{2, 5, 1, 0}}, 1, 4, 17},
    {{6}, {19}, {{3, 2, 4, 0}}, 1, 18, 6, 3},
    {{6}, {20}, {{3, 2, 3, 1}}, 1, 2, 2},
    {{1}, {1}, {{1, 1, 1, 0}}},
    {{4, 6}, {8, 12}, {{3, 2, 1, 1}, {3, 2, 1, 1}}, 1, 33, 35},
    {{4, 5}, {9, 14}, {{2, 2, 1, 0}, {5, 3, 1, 2}}, 2, 8, 12, 4},
    {{3, 40}, {5, 43}, {{3, 1, 1, 0}, {4, 1, 1, 0}}, 1, 16, 64},
    {{5, 5}, {10, 10}, {{4, 2, 1, 1}, {4, 2, 1, 1}}, 1, 24, 24, 24},
    {{5, 5}, {9, 11}, {{4, 2, 1, 2}, {5, 3, 1, 1}}, 2, 40, 40, 40},
    {{30}, {61}, {{3, 2, 1, 0}}, 1, 17, 17, 17},
    {{2, 3, 4}, {4, 5, 8}, {{3, 2, 1, 1}, {3, 1, 1, 0}, {3, 2, 2, 1}}, 2, 6, 6, 6},
    {{3, 4, 5}, {6, 8, 10}, {{2, 2, 1, 0}, {2, 2, 1, 0}, {2, 2, 1, 0}}, 1, 6, 20},
    {{2, 3, 4}, {4, 5, 8}, {{3, 2, 1, 1}, {3, 1, 1, 0}, {3, 2, 2, 1}}, 2, 4, 6, 2},
};

}  // namespace

TEST_CASE("transposed convolutions give the sums of the overlapping kernels") {
  for (const Case& c : cases) {
    CAPTURE(c.axes.size());
    CAPTURE(c.axes[0].kernel);
    for (kernels::Cpu cpu : cpus()) {
      CAPTURE(name(cpu.isa));
      CHECK(distance(run_of(c).run_alone(cpu), expected(c)) < 1e-5);
    }
  }
}

TEST_CASE("a residual and every activation follow a transposed convolution") {
  for (std::string_view activation : activations) {
    CAPTURE(activation);
    for (kernels::Cpu cpu : cpus()) {
      CHECK(distance(run_of(cases[7], activation, true).run_alone(cpu), expected(cases[7], activation, true)) < 1e-5);
      CHECK(distance(run_of(cases[10], activation, true).run_alone(cpu), expected(cases[10], activation, true)) < 1e-5);
    }
  }
}

TEST_CASE("transposed convolutions give the same bits at any thread count") {
  const Case large{{60}, {488}, {{16, 8, 1, 4}}, 1, 256, 200};
  for (const Case& c : {cases[1], cases[9], large}) {
    const Tensor alone = run_of(c).run_alone(kernels::Cpu::detect());
    for (int threads : {2, 5}) {
      runtime::ThreadPool pool(threads);
      CHECK(same((*run_of(c).run(kernels::Cpu::detect(), pool))[0], alone));
    }
  }
}

TEST_CASE("operands that do not fit are refused when a transposed convolution is bound") {
  KernelRun run = run_of(cases[0]);
  const std::string what = "cannot bind kernel 'conv_transpose_nhwc_f32': ";
  run.attributes.set("group", std::int64_t{2});
  CHECK(run.refusal() == what + "attribute 'group' does not divide the channels");
  run = run_of(cases[0]);
  run.inputs[1] = random({4}, 1);
  CHECK(run.refusal() == what + "W has the dimensions [4], not [320]");
  run = run_of(cases[0]);
  run.attributes.set("kernel_shape", Ints{60000});
  CHECK(run.refusal() == what + "a phase has more than 512 taps");
  run.attributes.set("strides", Ints{1 << 20});
  CHECK(run.refusal() == what + "attribute 'strides' has the value 1048576");
}
