// The lower halves of operators that go element by element over f32: one kernel serves each family, and the step says
// which function it computes.
#pragma once

#include "ops/schema/lowering.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace modelctl::ops {

// The function of kernels/unary.def that a node of one operand computes, with the parameters that the node gives.
struct UnaryFunction {
  std::string_view name;
  bool activation = false;  // products can apply it to their sums
  std::optional<float> alpha, beta;

  // {key: name, alpha, beta}: what a kernel or a product reads.
  Attributes attributes(std::string_view key) const;
};
// nullopt for an operator that the table does not have, for parameters that are not constants (the bounds of Clip), and
// for a node with a further attribute (Gelu's approximation), unless that has the value that its absence means.
std::optional<UnaryFunction> unary_function(const graph::Node& node);

// y = f(x), by kernel unary_f32.
Result<bool> lower_unary_function(Lowering& call);

using LowerFunction = Result<bool> (*)(Lowering& call);
// The lower half of an operator of the default domain: null unless kernels/unary.def has it. So a row of that table is
// all that a function needs to get a kernel.
constexpr LowerFunction lower_unary(std::string_view op) {
  constexpr std::string_view operators[] = {
#define ACTIVATION(name, op, ...) op,
#define FUNCTION(name, op, ...) op,
#include "kernels/unary.def"
  };
  for (std::string_view each : operators) {
    if (each == op) return lower_unary_function;
  }
  return nullptr;
}

// A kernel function's name as a template argument: lower_binary<"add">.
template <std::size_t size>
struct FunctionName {
  char text[size];
  constexpr FunctionName(const char (&name)[size]) { std::copy_n(name, size, text); }
};

// y = f(a, b) with broadcasting. Output 0 may take over the memory of an operand of its own dimensions; if they are
// dynamic, of one of its rank (an operand that is stretched has fewer bytes, and is left alone).
template <FunctionName function>
Result<bool> lower_binary(Lowering& call) {
  if (call.node().inputs().size() != 2 || !call.plain_f32(0) || !call.plain_f32(1)) return false;
  const graph::Shape& y = *call.node().output(0)->type.shape;
  int in_place = *call.shape(0) == y ? 0 : *call.shape(1) == y ? 1 : call.shape(0)->size() == y.size() ? 0 : 1;
  call.emit("binary_f32", {call.node().input(0), call.node().input(1)}, {{"function", std::string(function.text)}},
            in_place);
  return true;
}

}  // namespace modelctl::ops
