// Upper bounds from sizes alone, which saturate rather than overflow: a model's sizes are not trusted.
#include "ops/family/cost.hpp"

#include <algorithm>

namespace modelctl::ops {
namespace {

constexpr std::uint64_t unbounded = ~std::uint64_t{0};

std::uint64_t times(std::uint64_t a, std::int64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, static_cast<std::uint64_t>(std::max<std::int64_t>(b, 1)), &result) ? unbounded
                                                                                                      : result;
}

}  // namespace

std::uint64_t product_of_operands(const graph::Node& node) {
  std::uint64_t count = 1;
  for (const graph::Value* input : node.inputs()) {
    if (input != nullptr) count = times(count, input->constant.elements());
  }
  return count;
}

std::uint64_t matrix_products(const graph::Node& node) {
  const graph::Value *a = node.input(0), *y = node.output(0);
  if (a == nullptr || y == nullptr || !y->type.shape) return product_of_operands(node);
  const Dims& dims = a->constant.dims();
  bool by_columns = dims.size() == 2 && node.attributes.integer("transA") != 0;
  std::uint64_t count = times(1, dims.empty() ? 1 : by_columns ? dims.front() : dims.back());
  for (const graph::Expr& size : *y->type.shape) {
    auto number = size.constant();
    if (!number) return product_of_operands(node);
    count = times(count, *number);
  }
  return count;
}

}  // namespace modelctl::ops
