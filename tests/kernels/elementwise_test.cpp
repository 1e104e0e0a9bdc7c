// Elementwise kernels: accuracy in units in the last place against the C library, special values, broadcasting.
#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

constexpr float alpha_given = 0.25f, beta_given = 0.75f;

struct Function {
  std::string_view name;
  double (*exact)(double);
};

// The reference formulas of unary.def, with the parameters that `apply` gives.
const Function functions[] = {
#define FUNCTION(name, op, reference, simd) {#name, [](double x) -> double { return reference; }},
#define ACTIVATION(name, op, alpha_default, beta_default, reference, simd)     \
  {#name, [](double x) -> double {                                             \
     [[maybe_unused]] constexpr double alpha = alpha_given, beta = beta_given; \
     return x != x ? x : reference;                                            \
   }},
#include "kernels/unary.def"
};

Tensor apply(std::string_view function, const Tensor& x, kernels::Cpu cpu) {
  return KernelRun{
      "unary_f32", {{"function", std::string(function)}, {"alpha", alpha_given}, {"beta", beta_given}}, {x}, {x.dims()}}
      .run_alone(cpu);
}

Tensor line(float from, float to, std::int64_t count) {
  Tensor x(DType::f32, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    x.mutable_view().as<float>()[static_cast<std::size_t>(i)] =
        from + (to - from) * static_cast<float>(i) / static_cast<float>(count - 1);
  }
  return x;
}

}  // namespace

TEST_CASE("unary functions are exact to some units in the last place, over all of their range") {
  for (const Function& f : functions) {
    CAPTURE(f.name);
    for (auto [from, to] :
         {std::pair{-1.5f, 1.5f}, {-12.0f, 12.0f}, {-100.0f, 100.0f}, {0.0f, 1e30f}, {0.0f, 1e-37f}}) {
      const Tensor x = line(from, to, 5003);
      for (kernels::Cpu cpu : cpus()) {
        CAPTURE(name(cpu.isa));
        const Tensor y = apply(f.name, x, cpu);
        for (std::size_t i = 0; i < 5003; ++i) {
          const double want = f.exact(x.as<float>()[i]), got = y.as<float>()[i];
          if (static_cast<float>(want) == y.as<float>()[i] || (std::isnan(want) && std::isnan(got))) continue;
          // gelu and hard_swish subtract nearly equal numbers below zero; close to denormals there are fewer digits.
          const double scale = f.name == "gelu" ? 0.1 : f.name == "hard_swish" ? 1.0 : 0.0;
          const double error = std::abs(got - want) / std::max({std::abs(want), 1e-30, scale});
          if (!(error < 1e-6)) FAIL_CHECK(f.name << "(" << x.as<float>()[i] << ") is " << want << ", got " << got);
        }
      }
    }
  }
}

TEST_CASE("unary functions take infinities and NaN as the C library does") {
  const Tensor x = Tensor::of<float>(DType::f32, {4}, {-infinity, infinity, not_a_number, -0.0f});
  for (const Function& f : functions) {
    if (f.name == "gelu" || f.name == "silu") continue;  // inf * 0
    CAPTURE(f.name);
    for (kernels::Cpu cpu : cpus()) {
      CAPTURE(name(cpu.isa));
      const Tensor y = apply(f.name, x, cpu);
      for (std::size_t i = 0; i < 4; ++i) {
        const double want = f.exact(x.as<float>()[i]);
        CAPTURE(x.as<float>()[i]);
        if (std::isnan(want)) CHECK(std::isnan(y.as<float>()[i]));
        else CHECK(y.as<float>()[i] == want);
      }
    }
  }
}

TEST_CASE("binary functions broadcast in any pattern") {
  const std::vector<std::pair<Dims, Dims>> shapes = {
      {{3, 4, 5}, {3, 4, 5}}, {{3, 4, 5}, {}},      {{}, {7}},
      {{3, 4, 5}, {5}},       {{3, 4, 5}, {4, 1}},  {{3, 1, 5}, {4, 1}},
      {{2, 3, 1, 5}, {4, 1}}, {{1}, {1, 1}},        {{2, 7, 9, 33}, {2, 1, 1, 33}},
      {{0, 4}, {4}},          {{40000}, {40000}},   {{1, 40000}, {1}},
      {{5}, {3, 4, 5}},       {{300, 70}, {300, 1}}};
  for (const auto& [a_dims, b_dims] : shapes) {
    Dims y_dims(std::max(a_dims.size(), b_dims.size()), 1);
    for (std::size_t i = 0; i < y_dims.size(); ++i) {
      std::int64_t& dim = y_dims[y_dims.size() - 1 - i];
      for (const Dims* dims : {&a_dims, &b_dims}) {
        if (i < dims->size() && (*dims)[dims->size() - 1 - i] != 1) dim = (*dims)[dims->size() - 1 - i];
      }
    }
    const Tensor a = random(a_dims, 1), b = random(b_dims, 2);
    const std::int64_t count = Tensor(DType::f32, y_dims).elements();
    const auto index = [&](const Dims& dims, std::int64_t at) {
      std::int64_t result = 0, step = 1;
      for (std::size_t i = 0; i < y_dims.size(); ++i) {
        const std::int64_t size = y_dims[y_dims.size() - 1 - i], coordinate = at % size;
        at /= size;
        if (i >= dims.size()) continue;
        if (dims[dims.size() - 1 - i] != 1) result += coordinate * step;
        step *= dims[dims.size() - 1 - i];
      }
      return static_cast<std::size_t>(result);
    };
    const std::pair<std::string, double (*)(double, double)> all[] = {{"add", [](double p, double q) { return p + q; }},
                                                                      {"sub", [](double p, double q) { return p - q; }},
                                                                      {"mul", [](double p, double q) { return p * q; }},
                                                                      {"div", [](double p, double q) { return p / q; }},
                                                                      {"max", [](double p, double q) { return std::max(p, q); }},
                                                                      {"min", [](double p, double q) { return std::min(p, q); }},
                                                                      {"pow", [](double p, double q) { return std::pow(p, q); }}};
    for (const auto& entry : all) {
      const std::string& function = entry.first;
      const auto exact = entry.second;
      CAPTURE(function);
      std::vector<double> want;
      for (std::int64_t i = 0; i < count; ++i) {
        want.push_back(exact(a.as<float>()[index(a_dims, i)], b.as<float>()[index(b_dims, i)]));
      }
      const KernelRun run{"binary_f32", {{"function", function}}, {a, b}, {y_dims}};
      for (kernels::Cpu cpu : cpus()) {
        CAPTURE(name(cpu.isa));
        CHECK(distance(run.run_alone(cpu), want) < 1e-6);
      }
    }
  }
}

TEST_CASE("max and min are NaN where either side is") {
  const Tensor a = Tensor::of<float>(DType::f32, {4}, {not_a_number, 1, not_a_number, 1});
  const Tensor b = Tensor::of<float>(DType::f32, {4}, {1, not_a_number, not_a_number, 2});
  for (const char* function : {"max", "min"}) {
    const KernelRun run{"binary_f32", {{"function", std::string(function)}}, {a, b}, {{4}}};
    for (kernels::Cpu cpu : cpus()) {
      const Tensor y = run.run_alone(cpu);
      for (std::size_t i = 0; i < 3; ++i) CHECK(std::isnan(y.as<float>()[i]));
      CHECK(y.as<float>()[3] == (function == std::string("max") ? 2 : 1));
    }
  }
}

TEST_CASE("elementwise kernels refuse operands that do not fit") {
  KernelRun run{"binary_f32", {{"function", std::string("add")}}, {random({3}, 1), random({4}, 2)}, {{4}}};
  CHECK(run.refusal() == "cannot bind kernel 'binary_f32': A and B do not broadcast");
  run.inputs[0] = random({1}, 1);
  run.outputs = {{5}};
  CHECK(run.refusal() == "cannot bind kernel 'binary_f32': Y has the dimensions [5], not [4]");
  run.outputs = {{4}};
  run.attributes.set("function", std::string("xor"));
  CHECK(run.refusal() == "cannot bind kernel 'binary_f32': there is no function 'xor'");
  run = {"unary_f32", {{"function", std::string("sin")}}, {random({3}, 1)}, {{3}}};
  CHECK(run.refusal() == "cannot bind kernel 'unary_f32': there is no function 'sin'");
}
