// The function that our own operators apply to what they computed: attributes `activation` (an ACTIVATION of
// kernels/unary.def, or none), `alpha` and `beta`. Part of run halves; in double precision, so that it can judge
// kernels.
#pragma once

#include "ops/reference/run.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace modelctl::ops {

class Activation {
 public:
  // Fails for a name that the table does not have.
  static Result<Activation> read(const Attributes& attributes) {
    struct Row {
      std::string_view name;
      float alpha, beta;
    };
    // In the order of Function.
    static constexpr Row table[] = {
        {"none", 0.0f, 0.0f},
#define ACTIVATION(name, op, alpha, beta, ...) {#name, alpha, beta},
#include "kernels/unary.def"
    };
    std::string_view name = attributes.text("activation", "none");
    const Row* row =
        std::find_if(std::begin(table), std::end(table), [&](const Row& each) { return each.name == name; });
    if (row == std::end(table)) return refuse("activation '" + std::string(name) + "' is unknown");
    Activation made;
    made.function_ = static_cast<Function>(row - table);
    made.alpha_ = attributes.number("alpha", row->alpha);
    made.beta_ = attributes.number("beta", row->beta);
    return made;
  }

  double operator()(double x) const {
    if (x != x) return x;
    [[maybe_unused]] const double alpha = alpha_, beta = beta_;
    switch (function_) {
      case Function::none:
        break;
        // clang-format off
#define ACTIVATION(name, op, alpha_default, beta_default, reference, simd) case Function::name: return reference;
#include "kernels/unary.def"
        // clang-format on
    }
    return x;
  }

 private:
  enum class Function {
    none,
#define ACTIVATION(name, ...) name,
#include "kernels/unary.def"
  };
  Function function_ = Function::none;
  float alpha_ = 0, beta_ = 0;
};

}  // namespace modelctl::ops
