// The lower halves of operators that go element by element over f32: one kernel serves each family, told the function.
#pragma once

#include "ops/schema/lowering.hpp"

#include <algorithm>
#include <cstddef>

namespace modelctl::ops {

// A kernel function's name as a template argument: lower_unary<"exp">.
template <std::size_t size>
struct FunctionName {
  char text[size];
  constexpr FunctionName(const char (&name)[size]) { std::copy_n(name, size, text); }
};

// y = f(x); `alpha` and `beta` of the node, where it has them, mean what they mean to kernel:unary_f32.
template <FunctionName function>
Result<bool> lower_unary(Lowering& call) {
  if (!call.plain_f32(0)) return false;
  Attributes attributes{{"function", std::string(function.text)}};
  for (const char* name : {"alpha", "beta"}) {
    if (const AttributeValue* value = call.attributes().find(name)) attributes.set(name, *value);
  }
  call.emit("unary_f32", {call.node().input(0)}, std::move(attributes), 0);
  return true;
}

// y = f(a, b) with broadcasting. Output 0 may take over the memory of an operand of its own dimensions; where only the
// run tells which one has them, of one of its rank (an operand that is stretched has fewer bytes, and is left alone).
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
