// The kernels in one thread, as shares of the machine's peak. The peak is measured around each benchmark, since a
// shared machine's changes from minute to minute: compare `of_peak`, not seconds, between two runs.
#include "base/check.hpp"
#include "kernels/conv.hpp"
#include "kernels/depthwise_conv.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>

using namespace modelctl;
using namespace modelctl::kernels;

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Twelve chains of multiply-adds, more than any CPU's latency hides; once per instruction set.
#define MODELCTL_CHAINS(name, attribute, vector)        \
  attribute void name(std::int64_t rounds) {            \
    vector sum[12] = {}, factor = 0.5f - vector{};      \
    for (std::int64_t i = 0; i < rounds; ++i) {         \
      _Pragma("GCC unroll 12") for (vector & s : sum) { \
        s = factor * factor + s;                        \
        asm volatile("" : "+v"(s));                     \
      }                                                 \
    }                                                   \
  }
using V4 = float __attribute__((vector_size(16)));
using V8 = float __attribute__((vector_size(32)));
using V16 = float __attribute__((vector_size(64)));
MODELCTL_CHAINS(chains_portable, , V4)
#if defined(__x86_64__)
MODELCTL_CHAINS(chains_avx2, __attribute__((target("avx2,fma"))), V8)
MODELCTL_CHAINS(chains_avx512, __attribute__((target("avx512f"))), V16)
#endif

double peak_flops(Isa isa) {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    constexpr std::int64_t rounds = 40000;
    const double start = seconds();
    double width = 4;
    if (isa == Isa::portable) chains_portable(rounds);
#if defined(__x86_64__)
    if (isa == Isa::avx2) chains_avx2(rounds), width = 8;
    if (isa == Isa::avx512) chains_avx512(rounds), width = 16;
#endif
    best = std::max(best, 12 * 2 * width * static_cast<double>(rounds) / (seconds() - start));
  }
  return best;
}

Tensor filled(Dims dims) {
  Tensor tensor(DType::f32, std::move(dims));
  std::uint32_t state = 1;
  for (float& value : tensor.mutable_view().as<float>()) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
  }
  return tensor;
}

struct Setup {
  std::string_view kernel;
  Attributes attributes;
  std::vector<Tensor> inputs;
  Dims output;
  double flops = 0;
  double bytes = 0;
};

void run(benchmark::State& state, Isa isa, const Setup& setup) {
  const KernelDef* def = nullptr;
  for (const KernelDef* each : kernels::kernels()) {
    if (each->name == setup.kernel) def = each;
  }
  MODELCTL_CHECK(def != nullptr, "a benchmark names a kernel that exists");
  Tensor output(DType::f32, setup.output);
  std::vector<TensorView> views;
  std::vector<const void*> inputs;
  for (const Tensor& input : setup.inputs) {
    views.push_back(input.view());
    inputs.push_back(views.back().data);
  }
  const TensorView output_view = output.view();
  auto bound = def->bind({setup.attributes, views, {&output_view, 1}, {isa}});
  MODELCTL_CHECK(bound.has_value(), "a benchmark's operands fit");
  Tensor scratch(DType::u8, {static_cast<std::int64_t>((*bound)->scratch_bytes())});
  void* const out[] = {output.mutable_view().data};
  Alone alone;
  const RunCall call{inputs, out, static_cast<std::byte*>(scratch.mutable_view().data), alone};
  const double before = peak_flops(isa);
  double best = 1e9;
  for (auto _ : state) {
    const double start = seconds();
    (*bound)->run(call);
    best = std::min(best, seconds() - start);
  }
  const double peak = std::max(before, peak_flops(isa));
  using benchmark::Counter;
  if (setup.flops > 0) {
    state.counters["GF/s"] = Counter(setup.flops * 1e-9, Counter::kIsIterationInvariantRate);
    state.counters["best_of_peak"] = setup.flops / best / peak;
    state.counters["peak"] = peak * 1e-9;
  }
  if (setup.bytes > 0) state.counters["GB/s"] = Counter(setup.bytes * 1e-9, Counter::kIsIterationInvariantRate);
}

void add(const std::string& name, const Setup& setup) {
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (isa > Cpu::detect().isa) continue;
    benchmark::RegisterBenchmark((kernels::name(isa) + "/" + name).c_str(),
                                 [=](benchmark::State& state) { run(state, isa, setup); })
        ->Unit(benchmark::kMicrosecond)
        ->MinTime(0.1);
  }
}

void add_gemm(std::int64_t m, std::int64_t k, std::int64_t n, const std::string& activation = "none") {
  add("gemm/" + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n) + "/" + activation,
      {"gemm_f32",
       {{"activation", activation}},
       {filled({m, k}), pack_gemm_weights(filled({k, n}).view(), false), filled({n})},
       {m, n},
       2.0 * static_cast<double>(m * k * n),
       m == 1 ? 4.0 * static_cast<double>(k * n) : 0});
}

void add_conv(std::int64_t size, std::int64_t channels, std::int64_t out, std::int64_t kernel,
              std::int64_t stride = 1) {
  const std::int64_t pad = kernel / 2, result = (size + 2 * pad - kernel) / stride + 1;
  add("conv/" + std::to_string(kernel) + "x" + std::to_string(kernel) + "s" + std::to_string(stride) + "/" +
          std::to_string(channels) + "->" + std::to_string(out) + "/" + std::to_string(size),
      {"conv_nhwc_f32",
       {{"kernel_shape", std::vector{kernel, kernel}},
        {"strides", std::vector{stride, stride}},
        {"pads", std::vector{pad, pad, pad, pad}},
        {"activation", std::string("relu")}},
       {filled({1, size, size, channels}), pack_conv_weights(filled({out, channels, kernel, kernel}).view(), 1),
        filled({out})},
       {1, result, result, out},
       2.0 * static_cast<double>(result * result * out * channels * kernel * kernel)});
}

void add_depthwise(std::int64_t size, std::int64_t channels, std::int64_t stride = 1) {
  const std::int64_t result = (size + 2 - 3) / stride + 1;
  add("depthwise/3x3s" + std::to_string(stride) + "/" + std::to_string(channels) + "/" + std::to_string(size),
      {"depthwise_conv_nhwc_f32",
       {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
        {"strides", std::vector{stride, stride}},
        {"pads", std::vector<std::int64_t>{1, 1, 1, 1}},
        {"activation", std::string("relu")}},
       {filled({1, size, size, channels}), pack_depthwise_weights(filled({channels, 1, 3, 3}).view()),
        filled({channels})},
       {1, result, result, channels},
       18.0 * static_cast<double>(result * result * channels)});
}

void add_unary(const std::string& function) {
  constexpr std::int64_t size = 8192;  // within the first-level cache
  add("unary/" + function, {"unary_f32", {{"function", function}}, {filled({size})}, {size}, 0, 8.0 * size});
}

}  // namespace

int main(int argc, char** argv) {
  add_gemm(128, 384, 1536);
  add_gemm(128, 384, 1536, "relu");
  add_gemm(128, 384, 1536, "gelu");
  add_gemm(128, 1536, 384);
  add_gemm(128, 384, 384);
  add_gemm(512, 768, 3072);
  add_gemm(16, 768, 768);
  for (std::int64_t rows : {1, 2, 4}) add_gemm(rows, 384, 1536);
  add_gemm(1, 2048, 2048);
  add_conv(56, 64, 64, 3);
  add_conv(28, 128, 128, 3);
  add_conv(14, 256, 256, 3);
  add_conv(7, 512, 512, 3);
  add_conv(112, 32, 32, 3);
  add_conv(112, 16, 16, 3);
  add_conv(56, 64, 128, 3, 2);
  add_conv(224, 3, 32, 3, 2);
  add_conv(28, 96, 576, 1);
  add_conv(28, 576, 96, 1);
  add_depthwise(56, 192);
  add_depthwise(14, 576);
  add_depthwise(112, 32, 2);
  add("matmul/12x128x64x128/transposed", {"matmul_f32",
                                          {{"transposed", std::int64_t{1}}},
                                          {filled({12, 128, 64}), filled({12, 128, 64})},
                                          {12, 128, 128},
                                          2.0 * 12 * 128 * 64 * 128});
  add("softmax/128x128", {"softmax_f32", {}, {filled({128, 128})}, {128, 128}, 0, 8.0 * 128 * 128});
  add("layer_normalization/128x384", {"layer_normalization_f32",
                                      {},
                                      {filled({128, 384}), filled({384}), filled({384})},
                                      {128, 384},
                                      0,
                                      8.0 * 128 * 384});
  for (const char* function : {"relu", "sigmoid", "tanh", "gelu", "exp", "hard_swish"}) add_unary(function);
  add("binary/add",
      {"binary_f32", {{"function", std::string("add")}}, {filled({8192}), filled({8192})}, {8192}, 0, 12.0 * 8192});
  add("max_pool/3x3s2/64/112", {"max_pool_nhwc_f32",
                                {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                                 {"strides", std::vector<std::int64_t>{2, 2}},
                                 {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
                                {filled({1, 112, 112, 64})},
                                {1, 56, 56, 64},
                                0,
                                4.0 * 112 * 112 * 64});
  add("transpose/nchw->nhwc/64/56", {"transpose",
                                     {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}},
                                     {filled({1, 64, 56, 56})},
                                     {1, 56, 56, 64},
                                     0,
                                     8.0 * 64 * 56 * 56});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
