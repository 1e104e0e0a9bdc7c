// The function that our own operators apply to what they computed: attributes `activation`, `alpha` and `beta`, as
// kernels/bind/operands.hpp spells them. Part of run halves.
#pragma once

#include "ops/reference/run.hpp"

#include <cmath>
#include <limits>
#include <string_view>

namespace modelctl::ops {

class Activation {
 public:
  // Fails where the function is none of ours.
  static Result<Activation> read(const Attributes& attributes) {
    Activation made;
    std::string_view name = attributes.text("activation", "none");
    constexpr std::string_view names[] = {"none", "relu",         "clip",       "leaky_relu", "sigmoid",
                                          "tanh", "hard_sigmoid", "hard_swish", "gelu",       "silu"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
      if (names[i] == name) made.function_ = static_cast<Function>(i);
    }
    if (made.function_ == Function::none && name != "none") {
      return refuse("activation '" + std::string(name) + "' is unknown");
    }
    constexpr float infinity = std::numeric_limits<float>::infinity();
    bool clip = made.function_ == Function::clip;
    float alpha = clip ? -infinity : made.function_ == Function::hard_sigmoid ? 0.2f : 0.01f;
    made.alpha_ = attributes.number("alpha", alpha);
    made.beta_ = attributes.number("beta", clip ? infinity : 0.5f);
    return made;
  }

  double operator()(double x) const {
    if (x != x) return x;
    switch (function_) {
      case Function::none: return x;
      case Function::relu: return x < 0 ? 0 : x;
      case Function::clip: return std::min(std::max(x, double{alpha_}), double{beta_});
      case Function::leaky_relu: return x < 0 ? x * double{alpha_} : x;
      case Function::sigmoid: return 1 / (1 + std::exp(-x));
      case Function::tanh: return std::tanh(x);
      case Function::hard_sigmoid: return std::min(std::max(double{alpha_} * x + double{beta_}, 0.0), 1.0);
      case Function::hard_swish: return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
      case Function::gelu: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
      case Function::silu: return x / (1 + std::exp(-x));
    }
    return x;
  }

 private:
  enum class Function { none, relu, clip, leaky_relu, sigmoid, tanh, hard_sigmoid, hard_swish, gelu, silu };
  Function function_ = Function::none;
  float alpha_ = 0, beta_ = 0;
};

}  // namespace modelctl::ops
