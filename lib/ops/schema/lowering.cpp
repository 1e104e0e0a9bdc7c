// What Lowering reads from its node; the rest is up to lib/lower.
#include "ops/schema/lowering.hpp"

#include <algorithm>

namespace modelctl::ops {

DType Lowering::element(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr ? DType::undefined : value->type.element;
}

const graph::Shape* Lowering::shape(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr || !value->type.shape ? nullptr : &*value->type.shape;
}

const Tensor* Lowering::constant(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr || !value->is_constant() ? nullptr : &value->constant;
}

bool Lowering::plain_f32(std::size_t index) const { return element(index) == DType::f32 && shape(index) != nullptr; }

bool Lowering::read(std::size_t index) const {
  const graph::Value* output = node().output(index);
  return output != nullptr && output->is_used();
}

bool Lowering::one_or_absent(std::size_t index) const {
  if (node().input(index) == nullptr) return true;
  const graph::Shape* known = shape(index);
  return known != nullptr &&
         std::all_of(known->begin(), known->end(), [](const graph::Expr& size) { return size.is(1); });
}

}  // namespace modelctl::ops
