// The shape program's instructions.
#include "runtime/shapes.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using artifact::ShapeOp;

namespace {

std::optional<std::int64_t> compute(ShapeOp op, std::int64_t a, std::int64_t b) {
  artifact::Plan plan;
  plan.shapes = {{ShapeOp::constant, a}, {ShapeOp::constant, b}, {op, 0, 1}};
  return runtime::evaluate_shapes(plan, {}, {})[2];
}

}  // namespace

TEST_CASE("each shape instruction computes what it is named") {
  CHECK(compute(ShapeOp::add, 3, 4) == 7);
  CHECK(compute(ShapeOp::sub, 3, 4) == -1);
  CHECK(compute(ShapeOp::mul, 3, 4) == 12);
  CHECK(compute(ShapeOp::floor_div, 7, 2) == 3);
  CHECK(compute(ShapeOp::floor_div, -7, 2) == -4);
  CHECK(compute(ShapeOp::ceil_div, 7, 2) == 4);
  CHECK(compute(ShapeOp::ceil_div, -7, 2) == -3);
  CHECK(compute(ShapeOp::mod, 7, 4) == 3);
  CHECK(compute(ShapeOp::mod, -7, 4) == 1);
  CHECK(compute(ShapeOp::min, 7, 4) == 4);
  CHECK(compute(ShapeOp::max, 7, 4) == 7);
  CHECK(compute(ShapeOp::broadcast, 7, 7) == 7);
  CHECK(compute(ShapeOp::broadcast, 7, 1) == 7);
  CHECK(compute(ShapeOp::broadcast, 1, 0) == 0);
}

TEST_CASE("overflow and division by zero give nothing") {
  CHECK(!compute(ShapeOp::add, INT64_MAX, 1));
  CHECK(!compute(ShapeOp::sub, INT64_MIN, 1));
  CHECK(!compute(ShapeOp::mul, std::int64_t{1} << 40, std::int64_t{1} << 40));
  CHECK(!compute(ShapeOp::floor_div, 1, 0));
  CHECK(!compute(ShapeOp::ceil_div, INT64_MIN, -1));
  CHECK(!compute(ShapeOp::mod, 1, 0));
  CHECK(!compute(ShapeOp::broadcast, 7, 4));
  CHECK(!compute(ShapeOp::broadcast, 0, 2));
}

TEST_CASE("a data-dependent dimension is unknown until its value exists, and so is what depends on it") {
  artifact::Plan plan;
  plan.values.resize(1);
  plan.shapes = {{ShapeOp::data_dependent_dim, 0, 0}, {ShapeOp::constant, 2}, {ShapeOp::mul, 0, 1}};
  std::vector<Dims> data_dependent(1);
  CHECK(!runtime::evaluate_shapes(plan, {}, data_dependent)[2]);
  data_dependent[0] = {5};
  CHECK(runtime::evaluate_shapes(plan, {}, data_dependent)[2] == 10);
}
