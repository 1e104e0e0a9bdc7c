// Running one kernel in a test: by name, over tensors, on any instruction set that this machine has.
#pragma once

#include "base/check.hpp"
#include "kernels/kernel.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

namespace modelctl::test {

// The instruction sets that can be tried here.
inline std::vector<kernels::Cpu> cpus() {
  std::vector<kernels::Cpu> all;
  for (auto isa : {kernels::Isa::portable, kernels::Isa::avx2, kernels::Isa::avx512}) {
    if (isa <= kernels::Cpu::detect().isa) all.push_back({isa});
  }
  return all;
}

inline const kernels::KernelDef& kernel(std::string_view name) {
  for (const kernels::KernelDef* def : kernels::kernels()) {
    if (def->name == name) return *def;
  }
  MODELCTL_CHECK(false, "a test names a kernel that exists");
  std::abort();
}

// Numbers in [-1, 1), the same each time for the same seed.
inline Tensor random(Dims dims, unsigned seed) {
  Tensor tensor(DType::f32, std::move(dims));
  std::mt19937 engine(seed);
  for (float& value : tensor.mutable_view().as<float>()) {
    value = static_cast<float>(engine() >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return tensor;
}

struct KernelRun {
  std::string_view name;
  Attributes attributes;
  std::vector<Tensor> inputs;  // an absent one is an empty Tensor
  std::vector<Dims> outputs;
  DType type = DType::f32;  // of the outputs

  Result<std::vector<Tensor>> run(kernels::Cpu cpu, kernels::Workers& workers) const {
    std::vector<TensorView> views;
    for (const Tensor& input : inputs) views.push_back(input.view());
    std::vector<Tensor> results;
    std::vector<TensorView> result_views;
    // What a kernel does not write shows: every output begins as NaN.
    for (const Dims& dims : outputs) {
      results.emplace_back(type, dims);
      std::memset(results.back().mutable_view().data, 0xff, results.back().bytes().size());
    }
    for (const Tensor& result : results) result_views.push_back(result.view());
    auto bound = TRY(kernel(name).bind({attributes, views, result_views, cpu}));
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const TensorView& view : views) in.push_back(view.data);
    for (Tensor& result : results) out.push_back(result.mutable_view().data);
    Tensor scratch(DType::u8, {static_cast<std::int64_t>(bound->scratch_bytes())});
    bound->run({in, out, static_cast<std::byte*>(scratch.mutable_view().data), workers});
    return results;
  }
  Tensor run_alone(kernels::Cpu cpu) const {
    kernels::Alone alone;
    auto results = run(cpu, alone);
    REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().what));
    return (*results)[0];
  }
  // The message with which bind refuses.
  std::string refusal() const {
    kernels::Alone alone;
    auto results = run(kernels::Cpu::detect(), alone);
    if (results) return "(bound)";
    CHECK(results.error().kind == Kind::bad_input);
    return results.error().what;
  }
};

// The largest difference, relative to max(1, |expected|); infinite if only one is NaN or infinite.
inline double distance(const Tensor& got, const std::vector<double>& expected) {
  const auto values = got.as<float>();
  if (values.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    if (value == expected[i] || (std::isnan(value) && std::isnan(expected[i]))) continue;
    const double error = std::abs(value - expected[i]) / std::max(1.0, std::abs(expected[i]));
    if (!(error <= largest)) largest = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  return largest;
}

// The activations of unary.def, and none. Tests give those with bounds or a slope other parameters than the defaults.
struct TestActivation {
  std::string_view name;
  double alpha, beta;
};
inline TestActivation test_activation(std::string_view name) {
  if (name == "clip") return {name, -0.5, 0.5};
  if (name == "leaky_relu") return {name, double{0.1f}, 0};
#define ACTIVATION(name_, op, alpha, beta, ...) \
  if (name == #name_) return {name, double{alpha}, double{beta}};
#include "kernels/unary.def"
  return {"none", 0, 0};
}
// In double precision, by the reference formulas.
inline double activate(std::string_view name, double x) {
  [[maybe_unused]] const auto [used, alpha, beta] = test_activation(name);
  if (x != x) return x;
#define ACTIVATION(name_, op, alpha_default, beta_default, reference, simd) \
  if (name == #name_) return reference;
#include "kernels/unary.def"
  return x;
}
inline void set_activation(Attributes& attributes, std::string_view name) {
  const TestActivation chosen = test_activation(name);
  attributes.set("activation", std::string(name));
  attributes.set("alpha", static_cast<float>(chosen.alpha));
  attributes.set("beta", static_cast<float>(chosen.beta));
}
inline constexpr std::string_view activations[] = {
    "none",
#define ACTIVATION(name, ...) #name,
#include "kernels/unary.def"
};

}  // namespace modelctl::test
